/** Names of the session's cookies; with `__Host-` where the site is served over TLS. */
export const ACCESS_COOKIES = ["__Host-synergy_access", "synergy_access"];
export const REFRESH_COOKIES = ["__Host-synergy_refresh", "synergy_refresh"];

export function parseCookies(header: string | null): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) cookies.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return cookies;
}

/** A Cookie header after the browser will have taken these Set-Cookie values. */
export function withSetCookies(header: string | null, setCookies: readonly string[]): string {
  const cookies = parseCookies(header);
  for (const setCookie of setCookies) {
    const [pair = "", ...attributes] = setCookie.split(";");
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    const isRemoval = attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute));
    if (isRemoval) cookies.delete(name);
    else cookies.set(name, pair.slice(equals + 1).trim());
  }
  return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
}
