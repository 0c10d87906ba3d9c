import type { ScheduleChange, ScheduleView } from "@synergy/client";
import { formatSpan } from "~/lib/format";

/** When it is due: "every 5 min", or the cron expression. */
export function timingOf({ cron, interval_seconds }: Pick<ScheduleView, "cron" | "interval_seconds">): string {
  return cron ?? `every ${formatSpan(interval_seconds ?? 0)}`;
}

/** What the form holds. */
export interface ScheduleDraft {
  by: "cron" | "interval";
  cron: string;
  /** As it was typed. */
  seconds: string;
  timezone: string;
  missed: ScheduleView["missed"];
}

export function draftOf({ cron, interval_seconds, timezone, missed }: ScheduleView): ScheduleDraft {
  return {
    by: cron === null ? "interval" : "cron",
    cron: cron ?? "",
    seconds: interval_seconds === null ? "" : String(interval_seconds),
    timezone,
    missed,
  };
}

/** The draft as the API takes it; what is no number is sent as 0, which it refuses at the field. */
export function changeOf({ by, cron, seconds, timezone, missed }: ScheduleDraft): ScheduleChange {
  const timing = by === "cron" ? { cron: cron.trim() } : { interval_seconds: Math.trunc(Number(seconds)) || 0 };
  return { ...timing, timezone: timezone.trim(), missed };
}
