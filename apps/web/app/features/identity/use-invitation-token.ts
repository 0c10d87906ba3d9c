import { useEffect, useState } from "react";
import { useLinkValues } from "~/features/identity/use-link-values";

const KEY = "synergy-invitation";

/**
 * The token of an invitation's link. This tab keeps it while one signs in or comes back from a provider: in an address
 * it would get into logs.
 * @returns undefined before the page has come to life, null without any
 */
export function useInvitationToken(): string | null | undefined {
  const values = useLinkValues();
  const [token, setToken] = useState<string | null>();
  useEffect(() => {
    if (!values) return;
    const given = values.get("token");
    if (given) sessionStorage.setItem(KEY, given);
    setToken(given ?? sessionStorage.getItem(KEY));
  }, [values]);
  return token;
}
