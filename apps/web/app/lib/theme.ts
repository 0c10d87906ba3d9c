import type { Theme } from "~/lib/page-info";

const COOKIE = "synergy_theme";
const ONE_YEAR_SECONDS = 31_536_000;

/** The theme that a Cookie header asks for; `system` when there is none. */
export function themeFromCookie(header: string | null): Theme {
  const match = /(?:^|;\s*)synergy_theme=(light|dark)(?:;|$)/.exec(header ?? "");
  return match ? (match[1] as Theme) : "system";
}

/** Show a theme at once, and keep it for the pages to come. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox
  document.cookie = `${COOKIE}=${theme}; Path=/; Max-Age=${ONE_YEAR_SECONDS}; SameSite=Lax`;
}

export function currentTheme(): Theme {
  return (document.documentElement.dataset.theme as Theme | undefined) ?? "system";
}
