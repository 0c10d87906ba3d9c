import { BellRing, KeyRound, ShieldCheck, UserRound } from "lucide-react";
import { Outlet } from "react-router";
import { Tabs } from "~/components/ui/tabs";
import { Header } from "~/features/shell/header";

const TABS = [
  { to: "/settings/profile", label: "Profile", icon: UserRound },
  { to: "/settings/security", label: "Security", icon: ShieldCheck },
  { to: "/settings/notifications", label: "Notifications", icon: BellRing },
  { to: "/settings/tokens", label: "API tokens", icon: KeyRound },
];

/** Everything that concerns oneself alone. */
export default function SettingsLayout() {
  return (
    <>
      <Header title={<h1 className="font-semibold">Settings</h1>}>
        <nav aria-label="Settings" className="flex gap-0.5 max-md:hidden">
          <Tabs tabs={TABS} />
        </nav>
      </Header>
      <nav aria-label="Settings" className="flex gap-0.5 overflow-x-auto border-b border-line px-2 py-1 md:hidden">
        <Tabs tabs={TABS} />
      </nav>
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
        <div className="mx-auto flex max-w-3xl flex-col gap-8">
          <Outlet />
        </div>
      </div>
    </>
  );
}
