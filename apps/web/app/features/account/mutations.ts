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
  type UserView,
} from "@synergy/client";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { factorsQuery, identitiesQuery, sessionsQuery, tokensQuery } from "~/features/account/queries";
import { meQuery } from "~/features/identity/queries";
import { type Api, ApiError, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import { sendFile } from "~/lib/send-file";

/** What a change of the account also adds to the list of what happened. */
const EVENTS = ["me", "security-events"];

/**
 * A change of one's own account. A form shows beside its fields what the server says; what never came to the server is
 * a message, as is everything where there is no form (`failed`).
 */
function useAccountChange<Input, Result>(
  call: (api: Api, input: Input) => Promise<Result>,
  { stale = [], failed }: { stale?: QueryKey[]; failed?: string } = {},
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => call(apiOf(client), input),
    // Secrets are for the caller alone and kept nowhere.
    gcTime: 0,
    // Not awaited: what the caller says of it must not wait for the lists, whose rows may be gone then.
    onSuccess: () => {
      for (const queryKey of [...stale, EVENTS]) client.invalidateQueries({ queryKey });
    },
    onError: (error) => {
      if (failed) toastError(failed, error);
      else if (!(error instanceof ApiError)) toastError("The change was not saved.", error);
    },
  });
}

const ME = [meQuery.queryKey];
const FACTORS = [factorsQuery.queryKey];
const SESSIONS = [sessionsQuery.queryKey];

export const useChangeProfile = () =>
  useAccountChange((client, body: ProfileChange) => answer(changeMe({ client, body })), { stale: ME });

export const useChangePassword = () =>
  useAccountChange((client, body: PasswordChange) => changePassword({ client, body }), { stale: [...ME, ...SESSIONS] });

export const useChangeEmail = () =>
  useAccountChange((client, body: { email: string; password: string | null }) => changeEmail({ client, body }));

export const useResendVerification = () =>
  useAccountChange((client, _: undefined) => resendVerification({ client }), { failed: "The mail was not sent." });

export const useSetAvatar = () =>
  useAccountChange((_, file: File) => sendFile<UserView>("/api/v1/me/avatar", file, { method: "PUT" }), {
    stale: ME,
    failed: "The picture was not saved.",
  });

export const useRemoveAvatar = () =>
  useAccountChange((client, _: undefined) => removeAvatar({ client }), {
    stale: ME,
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
    stale: [tokensQuery.queryKey],
  });

export const useRevokeToken = () =>
  useAccountChange((client, id: string) => revokeApiToken({ client, path: { token_id: id } }), {
    stale: [tokensQuery.queryKey],
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
    { stale: [identitiesQuery.queryKey] },
  );
