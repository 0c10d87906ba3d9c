import type { Theme } from "~/lib/page-info";

const COOKIE = "synergy_theme";
const ONE_YEAR_SECONDS = 31_536_000;

/** The theme that a Cookie header asks for; `system` when there is none. */
export function themeFromCookie(header: string | null): Theme {
  const chosen = new Map<string, Theme>();
  for (const [, prefix = "", theme] of (header ?? "").matchAll(
    /(?<=^|;\s*)(__Host-)?synergy_theme=(light|dark)(?=;|$)/g,
  ))
    chosen.set(prefix, theme as Theme);
  return chosen.get("__Host-") ?? chosen.get("") ?? "system";
}

/** The cookie that keeps a theme; with HTTPS no other host of the domain, and no plain HTTP, can set it. */
export function themeCookie(theme: Theme, isEncrypted: boolean): string {
  const [name, secure] = isEncrypted ? [`__Host-${COOKIE}`, "; Secure"] : [COOKIE, ""];
  return `${name}=${theme}; Path=/; Max-Age=${ONE_YEAR_SECONDS}; SameSite=Lax${secure}`;
}

/** Show a theme at once, and keep it for the pages to come. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox
  document.cookie = themeCookie(theme, location.protocol === "https:");
}

export function currentTheme(): Theme {
  return (document.documentElement.dataset.theme as Theme | undefined) ?? "system";
}
