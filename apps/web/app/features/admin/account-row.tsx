import type { AdminUserView } from "@synergy/client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { TimeAgo } from "~/components/time-ago";
import { Avatar } from "~/components/ui/avatar";
import { Select } from "~/components/ui/field";
import { Cell } from "~/components/ui/table";
import { toastDone } from "~/components/ui/toast";
import { useSetRole } from "~/features/admin/mutations";
import { GLOBAL_ROLES, type GlobalRole, ROLE_LABELS } from "~/features/admin/roles";
import { personOf } from "~/features/identity/person";
import { meQuery } from "~/features/identity/queries";

const AccountMenu = lazy(() => import("~/features/admin/account-menu"));

/** What an account's line says of its state, when it is not simply active. */
function stateOf({ is_person_only, is_active }: AdminUserView): string | undefined {
  if (is_person_only) return "without an account";
  return is_active ? undefined : "deactivated";
}

/** One account, with its role to change and what else can be done to it. */
export function AccountRow({ account }: { account: AdminUserView }) {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: setRole, isPending } = useSetRole();
  const person = personOf(account);
  const { name } = person;
  const isMe = account.id === me.id;
  const state = stateOf(account);
  return (
    <tr>
      <Cell>
        <span className="flex items-center gap-3">
          <Avatar person={person} size="md" />
          <span className="min-w-0">
            <span className="block truncate font-medium">
              {name} {isMe && <span className="font-normal text-subtle">(you)</span>}
              {state && <span className="font-normal text-warn"> · {state}</span>}
            </span>
            <span className="block truncate text-meta text-subtle">
              @{account.username}
              {account.email && ` · ${account.email}`}
              {account.email && !account.email_verified_at && " (not confirmed)"}
            </span>
          </span>
        </span>
      </Cell>
      <Cell>
        {account.is_person_only || isMe ? (
          ROLE_LABELS[account.role]
        ) : (
          <Select
            aria-label={`Role of ${name}`}
            value={account.role}
            disabled={isPending}
            onChange={(event) => {
              const role = event.target.value as GlobalRole;
              setRole(
                { id: account.id, role },
                { onSuccess: () => toastDone(`${name} is now ${ROLE_LABELS[role].toLowerCase()}.`) },
              );
            }}
          >
            {GLOBAL_ROLES.map((role) => (
              <option key={role} value={role}>
                {ROLE_LABELS[role]}
              </option>
            ))}
          </Select>
        )}
      </Cell>
      <Cell className="text-muted">{account.has_second_factor ? "On" : "Off"}</Cell>
      <Cell className="text-muted">{account.last_login_at ? <TimeAgo iso={account.last_login_at} /> : "Never"}</Cell>
      <Cell className="px-2">
        <Suspense fallback={<span className="block size-7 touch:size-11" />}>
          {!isMe && <AccountMenu account={account} name={name} />}
        </Suspense>
      </Cell>
    </tr>
  );
}
