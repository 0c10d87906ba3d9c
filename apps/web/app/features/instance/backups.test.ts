import type { BackupRecord, Standing } from "@synergy/client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { contentsOf, factsOf, statementOf } from "~/features/instance/backups";

const nothing = {
  backup: null,
  kind: null,
  target: null,
  wal_from: null,
  encrypted: null,
  seconds: null,
  bytes: null,
  tables: null,
  rows: null,
  files: null,
  differences: null,
};
const empty: BackupRecord = {
  ...nothing,
  id: "1",
  task: "drill",
  outcome: "ok",
  started_at: "2026-11-23T08:59:00Z",
  finished_at: "2026-11-23T09:00:00Z",
  done_by: "backup-1",
  summary: "",
};
const drill: BackupRecord = { ...empty, seconds: 41.5, bytes: 52_428_800, tables: 24, rows: 10_233, files: 120 };
const standing = (state: Standing["state"], last_good: BackupRecord | null): Standing => ({
  state,
  last_good,
  age_seconds: 0,
  overdue_at: null,
});

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-23T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

test("what is not known of a record is left out", () => {
  expect(contentsOf(drill)).toBe("24 tables, 10,233 rows, 120 files");
  expect(contentsOf({ tables: 1, rows: null, files: 0 })).toBe("1 table, 0 files");
  expect([contentsOf(empty), factsOf(empty)]).toEqual(["", ""]);
  expect(factsOf({ ...drill, kind: "full", encrypted: true, target: "a new cluster" })).toBe(
    "full, 52.4 MB, 42 s, encrypted, into a new cluster",
  );
});

describe("the statement of a restore", () => {
  test("that was proven says when, and what was equal", () => {
    expect(statementOf("restore", standing("ok", drill), drill)).toEqual({
      isAlarm: false,
      text: "Last proven restore 3 hr. ago: 24 tables, 10,233 rows, 120 files equal",
      more: "52.4 MB, 42 s",
    });
  });
  test("is short where the record says nothing", () => {
    expect(statementOf("restore", standing("ok", empty), empty).text).toBe("Last proven restore 3 hr. ago");
  });
  test("is an alarm when it is too old", () => {
    const { isAlarm, text, more } = statementOf("restore", standing("overdue", drill), drill);
    expect([isAlarm, text]).toEqual([true, "No restore was proven in the last 26 hours"]);
    expect(more).toMatch(/^The last proven restore 3 hr\. ago: 24 tables.* equal\. See that.*`just drill`/);
  });
  test("is an alarm when the last try failed, and says why", () => {
    const { isAlarm, more } = statementOf("restore", standing("failed", null), {
      ...empty,
      summary: "The disk is full.",
    });
    expect(isAlarm).toBe(true);
    expect(more).toMatch(/^The disk is full\. None was ever proven\. Read `just logs backup`/);
  });
  test("is an alarm when there was none", () => {
    expect(statementOf("restore", standing("never", null))).toMatchObject({
      isAlarm: true,
      text: "No restore was ever proven",
    });
  });
});

describe("the statement of the backups", () => {
  test("says how old the last good one is and what is in it", () => {
    const backup = { ...drill, task: "backup", kind: "full", summary: "Kept in /backups." };
    expect(statementOf("backup", standing("ok", backup), backup)).toEqual({
      isAlarm: false,
      text: "Last good backup 3 hr. ago: 24 tables, 10,233 rows, 120 files, full, 52.4 MB, 42 s",
      more: "Kept in /backups.",
    });
  });
  test.each([
    ["never", "There is no backup"],
    ["failed", "The last backup did not go well"],
    ["overdue", "No backup in the last 26 hours"],
  ] as const)("is an alarm when it is %s", (state, text) => {
    expect(statementOf("backup", standing(state, null), empty)).toMatchObject({ isAlarm: true, text });
  });
});
