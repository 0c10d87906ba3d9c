import { ShieldCheck, Users } from "lucide-react";
import { Outlet } from "react-router";
import { Tabs } from "~/components/ui/tabs";
import { Header } from "~/features/shell/header";

const TABS = [
  { to: "/admin/users", label: "Users", icon: Users },
  { to: "/admin/security-events", label: "Security events", icon: ShieldCheck },
];

/** What administrators see and steer; whom the API does not take for one gets its refusal instead. */
export default function AdminLayout() {
  return (
    <>
      <Header title={<h1 className="font-semibold">Administration</h1>}>
        <nav aria-label="Administration" className="flex gap-0.5">
          <Tabs tabs={TABS} />
        </nav>
      </Header>
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
        <div className="mx-auto flex max-w-5xl flex-col gap-8">
          <Outlet />
        </div>
      </div>
    </>
  );
}
