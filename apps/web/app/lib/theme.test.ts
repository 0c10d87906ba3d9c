import { expect, test } from "vitest";
import { themeCookie, themeFromCookie } from "~/lib/theme";

test.each([
  [null, "system"],
  ["synergy_theme=dark", "dark"],
  ["a=b; __Host-synergy_theme=light; c=d", "light"],
  // the one that only this host can have set counts
  ["synergy_theme=dark; __Host-synergy_theme=light", "light"],
  ["my_synergy_theme=dark", "system"],
  ["synergy_theme=purple", "system"],
])("reads %s as %s", (header, theme) => {
  expect(themeFromCookie(header)).toBe(theme);
});

test("the cookie of the theme is for HTTPS and this host only where there is HTTPS", () => {
  expect(themeCookie("dark", true)).toMatch(/^__Host-synergy_theme=dark; Path=\/; .*SameSite=Lax; Secure$/);
  expect(themeCookie("dark", false)).toMatch(/^synergy_theme=dark; Path=\/; .*SameSite=Lax$/);
});
