import { expect, test } from "vitest";
import { askAgainIn } from "~/features/webhooks/queries";
import { deliveryStateOf, eventsName, stateOf } from "~/features/webhooks/state";

const AT = "2026-11-23T12:00:00Z";

test.each([
  [true, null, null, "active"],
  [true, null, AT, "failing"],
  [false, null, AT, "paused"],
  [false, AT, AT, "disabled"],
] as const)("active %s, disabled at %s, failing since %s is %s", (is_active, disabled_at, failing_since, state) => {
  expect(stateOf({ is_active, disabled_at, failing_since })).toBe(state);
});

test("events are named when there is one, and counted when there are more", () => {
  expect(eventsName("*")).toBe("All events");
  expect(eventsName(["task.created"])).toBe("task.created");
  expect(eventsName(["task.created", "task.deleted"])).toBe("2 kinds of events");
});

test("a state that does not exist shows all deliveries", () => {
  expect(deliveryStateOf(new URLSearchParams("state=failed"))).toBe("failed");
  expect(deliveryStateOf(new URLSearchParams("state=lost"))).toBeNull();
  expect(deliveryStateOf(new URLSearchParams())).toBeNull();
});

test("asks again soon only while a delivery is about to be over", () => {
  const now = Date.parse(AT);
  const next = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  const [soon, later] = [askAgainIn([{ state: "pending", next_attempt_at: next(5) }], now), askAgainIn([], now)];
  expect(soon).toBeLessThan(later);
  expect(askAgainIn([{ state: "pending", next_attempt_at: null }], now)).toBe(soon);
  expect(askAgainIn([{ state: "pending", next_attempt_at: next(600) }], now)).toBe(later);
  expect(askAgainIn([{ state: "failed", next_attempt_at: null }], now)).toBe(later);
});
