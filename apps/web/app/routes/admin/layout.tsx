import {
  Activity,
  Archive,
  CalendarClock,
  ClipboardCheck,
  Layers,
  MailX,
  ShieldCheck,
  SlidersHorizontal,
  Users,
} from "lucide-react";
import { useEffect, useRef } from "react";
import { Outlet, useLocation } from "react-router";
import { Tabs } from "~/components/ui/tabs";
import { Header } from "~/features/shell/header";

const TABS = [
  { to: "/admin/users", label: "Users", icon: Users },
  { to: "/admin/security-events", label: "Security events", icon: ShieldCheck },
  { to: "/admin/health", label: "Health", icon: Activity },
  { to: "/admin/queues", label: "Queues", icon: Layers },
  { to: "/admin/dead-letters", label: "Dead letters", icon: MailX },
  { to: "/admin/schedules", label: "Schedules", icon: CalendarClock },
  { to: "/admin/backups", label: "Backups", icon: Archive },
  { to: "/admin/maintenance", label: "Maintenance", icon: ClipboardCheck },
  { to: "/admin/settings", label: "Settings", icon: SlidersHorizontal },
];

/** What administrators see and steer; whom the API does not take for one gets its refusal instead. */
export default function AdminLayout() {
  const { pathname } = useLocation();
  const tabs = useRef<HTMLElement>(null);
  // On narrow screens the tabs scroll: the one that is open is to be seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the open one changes with the address
  useEffect(() => {
    tabs.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  return (
    <>
      <Header title={<h1 className="font-semibold">Administration</h1>} />
      <nav
        ref={tabs}
        aria-label="Administration"
        className="flex shrink-0 gap-0.5 overflow-x-auto border-b border-line px-2 py-1 scrollbar-thin"
      >
        <Tabs tabs={TABS} />
      </nav>
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
        <div className="mx-auto flex max-w-5xl flex-col gap-8">
          <Outlet />
        </div>
      </div>
    </>
  );
}
