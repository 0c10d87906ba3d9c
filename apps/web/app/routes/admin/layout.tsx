import { useSuspenseQuery } from "@tanstack/react-query";
import { ShieldCheck, Users } from "lucide-react";
import { Outlet } from "react-router";
import { EmptyState } from "~/components/ui/states";
import { Tabs } from "~/components/ui/tabs";
import { meQuery } from "~/features/identity/queries";
import { Header } from "~/features/shell/header";

const TABS = [
  { to: "/admin/users", label: "Users", icon: Users },
  { to: "/admin/security-events", label: "Security events", icon: ShieldCheck },
];

/** What administrators see and steer; the API decides who is one. */
export default function AdminLayout() {
  const { data: me } = useSuspenseQuery(meQuery);
  const isAdmin = me.role === "admin";
  return (
    <>
      <Header title={<h1 className="font-semibold">Administration</h1>}>
        {isAdmin && (
          <nav aria-label="Administration" className="flex gap-0.5">
            <Tabs tabs={TABS} />
          </nav>
        )}
      </Header>
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
        <div className="mx-auto flex max-w-5xl flex-col gap-8">
          {isAdmin ? (
            <Outlet />
          ) : (
            <EmptyState icon={<ShieldCheck />} title="For administrators">
              Ask one of them for what you need here.
            </EmptyState>
          )}
        </div>
      </div>
    </>
  );
}
