import { HydrationBoundary, type QueryClient, useInfiniteQuery } from "@tanstack/react-query";
import { UserPlus, Users } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button } from "~/components/ui/button";
import { inputClass, Select } from "~/components/ui/field";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyState } from "~/components/ui/states";
import { Table } from "~/components/ui/table";
import { AccountRow } from "~/features/admin/account-row";
import { MfaRoles } from "~/features/admin/mfa-roles";
import { type AccountFilter, accountsQuery, mfaRolesQuery } from "~/features/admin/queries";
import { ROLE_LABELS } from "~/features/admin/roles";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import { useAddressParams } from "~/lib/use-address-params";
import type { Route } from "./+types/users";

const CreateAccountDialog = lazy(() => import("~/features/admin/create-account-dialog"));

export const meta: Route.MetaFunction = () => [{ title: "Users · SynergyOS" }];

function filterOf(params: URLSearchParams): AccountFilter {
  const read = (name: string) => params.get(name) ?? "";
  return { text: read("q"), role: read("role"), state: read("state") };
}

const load = (request: Request) => (client: QueryClient) =>
  Promise.all([
    client.fetchInfiniteQuery(accountsQuery(filterOf(new URL(request.url).searchParams))),
    client.fetchQuery(mfaRolesQuery),
  ]);

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load(args.request));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load(request));
}

export default function UsersPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Accounts />
      <MfaRoles />
    </HydrationBoundary>
  );
}

function Accounts() {
  const [params, choose] = useAddressParams();
  const filter = filterOf(params);
  const list = useInfiniteQuery(accountsQuery(filter));
  const [isMaking, setMaking] = useState(false);
  const accounts = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-labelledby="accounts">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <h2 id="accounts" className="me-auto text-heading font-semibold">
          Users
        </h2>
        <input
          type="search"
          aria-label="Find users"
          placeholder="Name, username or email"
          defaultValue={filter.text}
          onChange={(event) => choose({ q: event.target.value.trim() })}
          className={`${inputClass} h-7 w-56 px-2 touch:h-11`}
        />
        <Select aria-label="Role" value={filter.role} onChange={(event) => choose({ role: event.target.value })}>
          <option value="">All roles</option>
          {Object.entries(ROLE_LABELS).map(([role, label]) => (
            <option key={role} value={role}>
              {label}
            </option>
          ))}
        </Select>
        <Select aria-label="State" value={filter.state} onChange={(event) => choose({ state: event.target.value })}>
          <option value="">All states</option>
          <option value="active">Active</option>
          <option value="inactive">Not active</option>
        </Select>
        <Button variant="primary" onPress={() => setMaking(true)}>
          <UserPlus aria-hidden /> New user
        </Button>
      </div>
      <Table
        label="Accounts"
        columns={["Person", "Role", "Second factor", "Last sign-in"]}
        hasActions
        footer={
          <>
            {!accounts.length && !list.isPending && (
              <EmptyState icon={<Users />} title="Nobody found">
                No account fits this filter.
              </EmptyState>
            )}
            <ShowOlder list={list} className="border-t border-line" />
          </>
        }
      >
        {accounts.map((account) => (
          <AccountRow key={account.id} account={account} />
        ))}
      </Table>
      <Suspense fallback={null}>{isMaking && <CreateAccountDialog onClose={() => setMaking(false)} />}</Suspense>
    </section>
  );
}
