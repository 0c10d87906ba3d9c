import {
  type ApiTokenInput,
  beginEmailMfa,
  beginTotp,
  changeEmail,
  changeMe,
  changePassword,
  confirmEmailMfa,
  confirmTotp,
  createApiToken,
  deleteIdentity,
  deleteMe,
  linkOidc,
  type PasswordChange,
  type ProfileChange,
  removeAvatar,
  renewRecoveryCodes,
  resendVerification,
  revokeApiToken,
  revokeOtherSessions,
  revokeSession,
  turnEmailMfaOff,
  turnTotpOff,
} from "@synergy/client";
import { type QueryClient, type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError, toastUnlessAnswered } from "~/components/ui/toast";
import {
  factorsQuery,
  identitiesQuery,
  mySecurityEventsQuery,
  sessionsQuery,
  tokensQuery,
} from "~/features/account/queries";
import { meQuery } from "~/features/identity/queries";
import { preferencesQuery } from "~/features/notifications/preferences";
import { type Api, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import { sendFile } from "~/lib/send-file";
import type { Me } from "~/lib/types";

/** What happened to the account: each change adds to it. */
const EVENTS = mySecurityEventsQuery.queryKey;
const FACTORS = [factorsQuery.queryKey, EVENTS];
const SESSIONS = [sessionsQuery.queryKey, EVENTS];
const TOKENS = [tokensQuery.queryKey, EVENTS];
const IDENTITIES = [identitiesQuery.queryKey, EVENTS];
/** The account itself, and all of the others, which are below its key. */
const ALL = [meQuery.queryKey];

/** Before anybody is told that it is saved: a form that shows it later would take back what was typed meanwhile. */
const storeMe = (client: QueryClient, me: Me) => client.setQueryData(meQuery.queryKey, me);

interface AccountChange<Result> {
  store?: (client: QueryClient, answered: Result) => void;
  stale?: QueryKey[];
  failed?: string;
}

/**
 * A change of one's own account. A form shows beside its fields what the server says; what never came to the server is
 * a message, as is everything where there is no form (`failed`).
 */
function useAccountChange<Input, Result>(
  call: (api: Api, input: Input) => Promise<Result>,
  { store, stale = [EVENTS], failed }: AccountChange<Result> = {},
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => call(apiOf(client), input),
    // Secrets are for the caller alone and kept nowhere.
    gcTime: 0,
    // Not awaited: what the caller says of it must not wait for the lists, whose rows may be gone then.
    onSuccess: (answered) => {
      store?.(client, answered);
      for (const queryKey of stale) client.invalidateQueries({ queryKey });
    },
    onError: (error) => {
      if (failed) toastError(failed, error);
      else toastUnlessAnswered("The change was not saved.", error);
    },
  });
}

export const useChangeProfile = () =>
  useAccountChange((client, body: ProfileChange) => answer(changeMe({ client, body })), {
    store: storeMe,
    // They show the timezone.
    stale: [EVENTS, preferencesQuery.queryKey],
  });

export const useChangePassword = () =>
  useAccountChange((client, body: PasswordChange) => changePassword({ client, body }), { stale: ALL });

export const useChangeEmail = () =>
  useAccountChange((client, body: { email: string; password: string | null }) => changeEmail({ client, body }));

export const useResendVerification = () =>
  useAccountChange((client, _: undefined) => resendVerification({ client }), { failed: "The mail was not sent." });

export const useSetAvatar = () =>
  useAccountChange((_, file: File) => sendFile<Me>("/api/v1/me/avatar", file, { method: "PUT" }), {
    store: storeMe,
    failed: "The picture was not saved.",
  });

export const useRemoveAvatar = () =>
  useAccountChange((client, _: undefined) => removeAvatar({ client }), {
    stale: ALL,
    failed: "The picture was not removed.",
  });

export const useDeleteAccount = () =>
  useAccountChange((client, password: string | null) => deleteMe({ client, body: { password } }));

export const useBeginTotp = () =>
  useAccountChange((client, password: string | null) => answer(beginTotp({ client, body: { password } })));

export const useConfirmTotp = () =>
  useAccountChange((client, code: string) => answer(confirmTotp({ client, body: { code } })), { stale: FACTORS });

export const useTurnTotpOff = () =>
  useAccountChange((client, password: string | null) => turnTotpOff({ client, body: { password } }), {
    stale: FACTORS,
  });

export const useBeginEmailCodes = () =>
  useAccountChange((client, password: string | null) => beginEmailMfa({ client, body: { password } }));

export const useConfirmEmailCodes = () =>
  useAccountChange((client, code: string) => answer(confirmEmailMfa({ client, body: { code } })), { stale: FACTORS });

export const useTurnEmailCodesOff = () =>
  useAccountChange((client, password: string | null) => turnEmailMfaOff({ client, body: { password } }), {
    stale: FACTORS,
  });

export const useRenewRecoveryCodes = () =>
  useAccountChange((client, password: string | null) => answer(renewRecoveryCodes({ client, body: { password } })), {
    stale: FACTORS,
  });

export const useRevokeSession = () =>
  useAccountChange((client, id: string) => revokeSession({ client, path: { session_id: id } }), {
    stale: SESSIONS,
    failed: "The session was not ended.",
  });

export const useRevokeOtherSessions = () =>
  useAccountChange((client, _: undefined) => revokeOtherSessions({ client }), {
    stale: SESSIONS,
    failed: "The sessions were not ended.",
  });

export const useCreateToken = () =>
  useAccountChange((client, body: ApiTokenInput) => answer(createApiToken({ client, body })), {
    stale: TOKENS,
  });

export const useRevokeToken = () =>
  useAccountChange((client, id: string) => revokeApiToken({ client, path: { token_id: id } }), {
    stale: TOKENS,
    failed: "The token was not revoked.",
  });

/** Leads to the provider's own pages, and from there back to this one. */
export const useLinkIdentity = () =>
  useAccountChange(async (client, { provider, password }: { provider: string; password: string | null }) => {
    const body = { next: window.location.pathname, password };
    const { url } = await answer(linkOidc({ client, path: { provider }, body }));
    window.location.assign(url);
  });

export const useUnlinkIdentity = () =>
  useAccountChange(
    (client, { id, password }: { id: string; password: string | null }) =>
      deleteIdentity({ client, path: { identity_id: id }, body: { password } }),
    { stale: IDENTITIES },
  );
