import { expect, test } from "vitest";
import { loggedPath } from "./log.mjs";

test.each([
  ["/login?next=%2F#x", "/login"],
  ["/unsubscribe/tok.en", "/unsubscribe/[redacted]"],
  ["/api/v1/invitations/tok-en/accept?x=1", "/api/v1/invitations/[redacted]/accept"],
  ["/api/v1/projects/1/invitations/2", "/api/v1/projects/1/invitations/2"],
  ["/invitations", "/invitations"],
])("the log has %s as %s", (url, path) => {
  expect(loggedPath(url)).toBe(path);
});
