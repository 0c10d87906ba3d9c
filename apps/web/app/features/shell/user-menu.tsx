import { useQuery } from "@tanstack/react-query";
import { BellRing, Keyboard, LogOut, Monitor, Moon, Settings2, ShieldCheck, Sun, UserRound } from "lucide-react";
import { useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { useNavigate, useSubmit } from "react-router";
import { Avatar } from "~/components/ui/avatar";
import { Menu, MenuGroup, MenuItem, MenuSeparator, MenuTrigger } from "~/components/ui/menu";
import { useSaveTheme } from "~/features/identity/mutations";
import { personOf } from "~/features/identity/person";
import { meQuery } from "~/features/identity/queries";
import { useShell } from "~/features/shell/shell-context";
import type { Theme } from "~/lib/page-info";
import { currentTheme } from "~/lib/theme";

/** Who is signed in, with what concerns them alone: appearance, help, signing out. */
export default function UserMenu() {
  const { data: me } = useQuery(meQuery);
  const { openHelp } = useShell();
  const navigate = useNavigate();
  const submit = useSubmit();
  const saveTheme = useSaveTheme();
  const [theme, setTheme] = useState<Theme>("system");
  if (!me) return null;
  const person = personOf(me);
  return (
    <MenuTrigger onOpenChange={() => setTheme(currentTheme())}>
      <AriaButton className="flex h-10 items-center gap-2 rounded-control px-2 text-start hovered:bg-hover pressed:bg-press touch:h-12">
        <Avatar person={person} />
        <span className="min-w-0 flex-1 leading-4">
          <span className="block truncate font-medium">{person.name}</span>
          <span className="block truncate text-meta text-subtle">@{me.username}</span>
        </span>
        <span className="sr-only">, account and appearance</span>
        <Settings2 aria-hidden className="size-4 text-subtle" />
      </AriaButton>
      <Menu aria-label="Account" placement="top start" className="w-54">
        <MenuGroup
          title="Appearance"
          selectionMode="single"
          selectedKeys={[theme]}
          onSelectionChange={(keys) => {
            const [chosen] = [...keys] as Theme[];
            if (chosen) saveTheme(chosen);
          }}
        >
          <MenuItem id="system" icon={<Monitor />}>
            As the system
          </MenuItem>
          <MenuItem id="light" icon={<Sun />}>
            Light
          </MenuItem>
          <MenuItem id="dark" icon={<Moon />}>
            Dark
          </MenuItem>
        </MenuGroup>
        <MenuSeparator />
        <MenuItem id="settings" icon={<UserRound />} onAction={() => navigate("/settings/profile")}>
          Profile and settings
        </MenuItem>
        <MenuItem id="security" icon={<ShieldCheck />} onAction={() => navigate("/settings/security")}>
          Security
        </MenuItem>
        <MenuItem id="notifications" icon={<BellRing />} onAction={() => navigate("/settings/notifications")}>
          Notification settings
        </MenuItem>
        <MenuItem id="help" icon={<Keyboard />} shortcut="?" onAction={openHelp}>
          Keyboard shortcuts
        </MenuItem>
        <MenuSeparator />
        <MenuItem id="logout" icon={<LogOut />} onAction={() => submit(null, { method: "post", action: "/logout" })}>
          Sign out
        </MenuItem>
      </Menu>
    </MenuTrigger>
  );
}
