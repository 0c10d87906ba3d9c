import { expect, test } from "vitest";
import { grantableRoles, mayEditTasks, mayManage, maySeeWebhooks } from "~/features/projects/roles";
import type { Role } from "~/lib/types";

const as = (my_role: Role | null, archived_at: string | null = null) => ({ my_role, archived_at });

test.each([
  ["viewer", false, false],
  ["member", true, false],
  ["manager", true, true],
  ["owner", true, true],
  [null, true, true],
] as const)("as %s edits tasks: %s, manages: %s", (role, edits, manages) => {
  expect([mayEditTasks(as(role)), mayManage(as(role))]).toEqual([edits, manages]);
});

test("nobody edits an archived project", () => {
  expect([mayEditTasks(as("owner", "2026-01-01T00:00:00Z")), mayManage(as(null, "2026-01-01T00:00:00Z"))]).toEqual([
    false,
    false,
  ]);
});

test("gives roles up to one's own, never owner", () => {
  expect(grantableRoles(as("manager"))).toEqual(["viewer", "member", "manager"]);
  expect(grantableRoles(as("member"))).toEqual(["viewer", "member"]);
});

test("managers see the webhooks of an archived project too", () => {
  const archived = "2026-01-01T00:00:00Z";
  expect((["member", "manager", "owner", null] as const).map((role) => maySeeWebhooks(as(role, archived)))).toEqual([
    false,
    true,
    true,
    true,
  ]);
});
