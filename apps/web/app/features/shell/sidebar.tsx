import { useQuery } from "@tanstack/react-query";
import { FolderKanban, Inbox, Keyboard, LogOut, Monitor, Moon, Search, Settings2, Sun, Target } from "lucide-react";
import { useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { NavLink, useSubmit } from "react-router";
import { Logo } from "~/components/logo";
import { Avatar } from "~/components/ui/avatar";
import { cx } from "~/components/ui/cx";
import { Kbd } from "~/components/ui/kbd";
import { Menu, MenuGroup, MenuItem, MenuSeparator, MenuTrigger } from "~/components/ui/menu";
import { useSaveTheme } from "~/features/identity/mutations";
import { meQuery } from "~/features/identity/queries";
import type { LiveState } from "~/features/live/stream";
import { NotificationBell } from "~/features/notifications/bell";
import { projectsQuery } from "~/features/projects/queries";
import { ProjectDot } from "~/features/shell/project-dot";
import { useShell } from "~/features/shell/shell-context";
import type { Theme } from "~/lib/page-info";
import { currentTheme } from "~/lib/theme";

const itemClass =
  "flex h-7 items-center gap-2 rounded-control px-2 text-ui text-muted transition-colors duration-100 hover:bg-hover hover:text-text touch:h-11 [&_svg]:size-4 [&_svg]:shrink-0";

function navClass({ isActive }: { isActive: boolean }): string {
  return cx(itemClass, isActive && "bg-press font-medium text-text");
}

export function Sidebar({ liveState }: { liveState: LiveState }) {
  const { openPalette } = useShell();
  const { data: projects } = useQuery(projectsQuery);
  return (
    <div className="flex h-full w-60 flex-col gap-3 p-3 max-md:w-72">
      <div className="flex h-7 items-center gap-2 ps-1 touch:h-11">
        <NavLink to="/projects" className="flex flex-1 items-center gap-2 rounded-control font-semibold tracking-tight">
          <Logo className="size-5" /> SynergyOS
        </NavLink>
        <NotificationBell />
      </div>

      <AriaButton
        onPress={openPalette}
        className="flex h-8 items-center gap-2 rounded-control border border-line bg-surface px-2 text-ui text-subtle shadow-lift hovered:border-outline touch:h-11"
      >
        <Search aria-hidden className="size-4" />
        <span className="flex-1 text-start">Search</span>
        <Kbd>⌘K</Kbd>
      </AriaButton>

      <nav aria-label="Main" className="flex min-h-0 flex-1 flex-col gap-0.5">
        <NavLink to="/my-work" className={navClass}>
          <Target aria-hidden /> My work
        </NavLink>
        <NavLink to="/notifications" className={navClass}>
          <Inbox aria-hidden /> Notifications
        </NavLink>
        <NavLink to="/projects" end className={navClass}>
          <FolderKanban aria-hidden /> Projects
        </NavLink>
        <h2 className="mt-4 mb-1 px-2 text-label font-medium text-subtle" id="sidebar-projects">
          Your projects
        </h2>
        <ul aria-labelledby="sidebar-projects" className="-mx-1 min-h-0 flex-1 overflow-y-auto px-1 scrollbar-thin">
          {projects?.items
            .filter((project) => !project.archived_at)
            .map((project) => (
              <li key={project.id} className="mb-0.5">
                <NavLink to={`/projects/${project.id}/board`} className={navClass}>
                  <ProjectDot color={project.color} />
                  <span className="truncate">{project.name}</span>
                </NavLink>
              </li>
            ))}
          {projects?.items.length === 0 && <li className="px-2 text-meta text-subtle">None yet.</li>}
        </ul>
      </nav>

      {liveState === "offline" && (
        <p role="status" className="flex items-center gap-2 px-2 text-meta text-warn">
          <span aria-hidden className="size-1.5 rounded-full bg-warn" />
          Connection lost. Trying again…
        </p>
      )}
      <UserMenu />
    </div>
  );
}

function UserMenu() {
  const { data: me } = useQuery(meQuery);
  const { openHelp } = useShell();
  const submit = useSubmit();
  const saveTheme = useSaveTheme();
  const [theme, setTheme] = useState<Theme>("system");
  if (!me) return null;
  const name = `${me.first_name} ${me.last_name}`;
  return (
    <MenuTrigger onOpenChange={() => setTheme(currentTheme())}>
      <AriaButton
        aria-label={`${name}: account and appearance`}
        className="flex h-10 items-center gap-2 rounded-control px-2 text-start hovered:bg-hover pressed:bg-press touch:h-12"
      >
        <Avatar person={{ id: me.id, name }} />
        <span className="min-w-0 flex-1 leading-4">
          <span className="block truncate font-medium">{name}</span>
          <span className="block truncate text-meta text-subtle">@{me.username}</span>
        </span>
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
