import { expect, test } from "vitest";
import { parseCookies, withSetCookies } from "~/lib/server/cookies.server";

test("parses cookies whose values contain equals signs", () => {
  expect(parseCookies("a=1; b=x=y==; c")).toEqual(
    new Map([
      ["a", "1"],
      ["b", "x=y=="],
    ]),
  );
});

test("merges new cookies over old ones and drops removed ones", () => {
  const header = withSetCookies("synergy_access=old; theme=dark; gone=1", [
    "synergy_access=new; Path=/; HttpOnly; Max-Age=3600",
    "gone=; Path=/; Max-Age=0",
  ]);
  expect(parseCookies(header)).toEqual(
    new Map([
      ["synergy_access", "new"],
      ["theme", "dark"],
    ]),
  );
});
