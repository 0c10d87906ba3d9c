const DONE: Record<string, string> = {
  password: "Your new password is set. Sign in with it.",
  deleted: "Your account is deleted.",
};

/** What a provider's way back ended with, by its code. */
const REFUSED: Record<string, string> = {
  cancelled: "The sign-in was cancelled.",
  expired: "The sign-in took too long, or was begun in another browser. Try again.",
  account_inactive: "This account is deactivated. Ask your administrator.",
  link_first:
    "There is an account with this address already. Sign in with its password, then link the provider under Settings, Security.",
  registration_closed: "There is no account for you here, and this instance takes no registrations.",
  email_missing: "The provider did not tell your email address, and an account needs one.",
  provider_unavailable: "The provider does not answer at the moment. Try again, or sign in with your password.",
};

/** Why a provider's way back ended without success, if the code is known. */
export function refusalOf(code: string): string | undefined {
  return REFUSED[code];
}

/** What the sign-in page says before anything was typed, by the address that led to it. */
export function signInNotice(params: URLSearchParams): string | undefined {
  const error = params.get("error");
  if (error) return refusalOf(error) ?? "The sign-in did not work. Try again.";
  return DONE[params.get("done") ?? ""];
}
