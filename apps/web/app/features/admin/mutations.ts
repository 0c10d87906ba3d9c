import {
  activateAccount,
  changeAccount,
  createAccount,
  deactivateAccount,
  deleteAccount,
  linkPerson,
  type NewUser,
  resetAccountMfa,
  setMfaRoles,
  signAccountOut,
} from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError, toastUnlessAnswered } from "~/components/ui/toast";
import { mfaRolesQuery } from "~/features/admin/queries";
import type { GlobalRole } from "~/features/admin/roles";
import { type Api, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

/** Something done to an account; what fails is a message (`failed`), or shown by the form that asked. */
function useAccountAction<Input>(call: (api: Api, input: Input) => Promise<unknown>, failed?: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => call(apiOf(client), input),
    onError: (error) => {
      if (failed) toastError(failed, error);
      else toastUnlessAnswered("The change was not saved.", error);
    },
    // Not awaited: what the caller says of it must not wait for the list, whose row may be gone then.
    onSettled: () => {
      client.invalidateQueries({ queryKey: ["admin"] });
    },
  });
}

export const useCreateAccount = () =>
  useAccountAction((client, body: NewUser) => answer(createAccount({ client, body })));

export const useSetRole = () =>
  useAccountAction(
    (client, { id, role }: { id: string; role: GlobalRole }) =>
      answer(changeAccount({ client, path: { user_id: id }, body: { role } })),
    "The role was not changed.",
  );

export const useDeactivate = () =>
  useAccountAction(
    (client, id: string) => deactivateAccount({ client, path: { user_id: id } }),
    "The account was not deactivated.",
  );

export const useActivate = () =>
  useAccountAction(
    (client, id: string) => activateAccount({ client, path: { user_id: id } }),
    "The account was not activated.",
  );

export const useSignOut = () =>
  useAccountAction(
    (client, id: string) => signAccountOut({ client, path: { user_id: id } }),
    "They are still signed in.",
  );

export const useResetFactors = () =>
  useAccountAction(
    (client, id: string) => resetAccountMfa({ client, path: { user_id: id } }),
    "The second factor was not reset.",
  );

/** For a form, which shows which projects somebody still owns. */
export const useDeleteAccount = () =>
  useAccountAction((client, { id, transferTo }: { id: string; transferTo: string | null }) =>
    deleteAccount({ client, path: { user_id: id }, body: { transfer_to: transferTo } }),
  );

/** Moves everything of a person without an account to a real one. */
export const useLinkPerson = () =>
  useAccountAction((client, { id, userId }: { id: string; userId: string }) =>
    linkPerson({ client, path: { user_id: id }, body: { user_id: userId } }),
  );

export function useSetMfaRoles() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (roles: GlobalRole[]) => answer(setMfaRoles({ client: apiOf(client), body: { roles } })),
    onMutate: (roles) => {
      const before = client.getQueryData(mfaRolesQuery.queryKey);
      client.setQueryData(mfaRolesQuery.queryKey, roles);
      return { before };
    },
    onError: (error, _roles, context) => {
      client.setQueryData(mfaRolesQuery.queryKey, context?.before);
      toastError("The rule was not saved.", error);
    },
  });
}
