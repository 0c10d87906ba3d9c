import type { ScheduleView } from "@synergy/client";
import { expect, test } from "vitest";
import { isSilent, queueAbout } from "~/features/background/queues";
import { changeOf, draftOf, timingOf } from "~/features/background/schedule";

const schedule: ScheduleView = {
  id: "1",
  name: "cleanup",
  job: "maintenance.clean_up",
  cron: "30 2 * * *",
  interval_seconds: null,
  timezone: "Europe/Vienna",
  missed: "catch_up",
  is_paused: false,
  last_run_at: null,
  next_run_at: null,
  version: 1,
};

test("when a schedule is due reads as its rule", () => {
  expect(timingOf(schedule)).toBe("30 2 * * *");
  expect(timingOf({ cron: null, interval_seconds: 5_400 })).toBe("every 1 h 30 min");
});

test("a form that nobody touched sends the schedule's own rule", () => {
  expect(changeOf(draftOf(schedule))).toEqual({ cron: "30 2 * * *", timezone: "Europe/Vienna", missed: "catch_up" });
  expect(changeOf(draftOf({ ...schedule, cron: null, interval_seconds: 300 }))).toEqual({
    interval_seconds: 300,
    timezone: "Europe/Vienna",
    missed: "catch_up",
  });
});

test("only the rule that was chosen is sent, and what is no number is left to the server to refuse", () => {
  const draft = { ...draftOf(schedule), by: "interval" as const };
  expect(changeOf({ ...draft, seconds: " 90 " })).toMatchObject({ interval_seconds: 90 });
  expect(changeOf({ ...draft, seconds: "often" })).toMatchObject({ interval_seconds: 0 });
  expect(changeOf(draft)).not.toHaveProperty("cron");
});

test("a process is silent after 20 seconds", () => {
  expect([isSilent({ silent_seconds: 19 }), isSilent({ silent_seconds: 21 })]).toEqual([false, true]);
});

test("a queue that this page does not know has no words", () => {
  expect([queueAbout("fast"), queueAbout("slow" as "fast")]).toEqual(["what people wait for", ""]);
});
