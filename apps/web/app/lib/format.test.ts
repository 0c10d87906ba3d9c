import { describe, expect, test } from "vitest";
import {
  addDays,
  daysBetween,
  dueState,
  formatCount,
  formatDate,
  formatDuration,
  formatMoment,
  formatSize,
  formatSpan,
  fromLocalField,
  plural,
  timeAgo,
  toLocalField,
} from "~/lib/format";

const now = Date.parse("2026-11-23T12:00:00Z");

describe("timeAgo", () => {
  test.each([
    ["2026-11-23T11:59:40Z", "just now"],
    ["2026-11-23T11:55:00Z", "5 min. ago"],
    ["2026-11-23T09:00:00Z", "3 hr. ago"],
    ["2026-11-22T10:00:00Z", "yesterday"],
    ["2026-11-01T10:00:00Z", "1 Nov"],
    ["2025-02-03T10:00:00Z", "3 Feb 2025"],
  ])("reads %s as %s", (iso, expected) => {
    expect(timeAgo(iso, now)).toBe(expected);
  });
});

describe("dueState", () => {
  test.each([
    ["2026-11-20", { label: "20 Nov", tone: "overdue" }],
    ["2026-11-22", { label: "Yesterday", tone: "overdue" }],
    ["2026-11-23", { label: "Today", tone: "soon" }],
    ["2026-11-24", { label: "Tomorrow", tone: "soon" }],
    ["2027-01-02", { label: "2 Jan 2027", tone: "later" }],
  ])("reads %s", (date, expected) => {
    expect(dueState(date, "2026-11-23")).toEqual(expected);
  });
});

test("counts days across a change of the clock", () => {
  expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
});

test("formats dates of other years with the year", () => {
  expect(formatDate("2024-05-06", now)).toBe("6 May 2024");
});

test("counts in words", () => {
  expect([plural(1, "task"), plural(0, "task")]).toEqual(["1 task", "0 tasks"]);
  expect([plural(10_233, "row"), formatCount(999)]).toEqual(["10,233 rows", "999"]);
});

test.each([
  [-3, "0 s"],
  [0.2, "0 s"],
  [12, "12 s"],
  [90, "1 min 30 s"],
  [300, "5 min"],
  [3_600, "1 h"],
  [12_000, "3 h 20 min"],
  [187_199, "2 d 3 h"],
])("a span of %d seconds reads %s", (seconds, expected) => {
  expect(formatSpan(seconds)).toBe(expected);
});

test("adds days across the end of a year", () => {
  expect(addDays("2026-12-30", 7)).toBe("2027-01-06");
});

describe("formatSize", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1536, "1.54 kB"],
    [999_400, "999 kB"],
    [999_600, "1 MB"],
    [52_428_800, "52.4 MB"],
    [7_000_000_000, "7 GB"],
  ])("shows %i bytes as %s", (size, expected) => {
    expect(formatSize(size)).toBe(expected);
  });
});

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1234, "1.23 s"],
  [15_000, "15 s"],
])("%s ms take %s", (milliseconds, expected) => {
  expect(formatDuration(milliseconds)).toBe(expected);
});

test("a field of date and time gives the moment back that it was made of", () => {
  const moment = new Date("2026-03-29T01:30:00Z");
  expect(fromLocalField(toLocalField(moment))).toBe("2026-03-29T01:30:00.000Z");
  expect(fromLocalField("")).toBeNull();
  expect(fromLocalField("half past nine")).toBeNull();
});

test("a moment is shown in a timezone", () => {
  expect(formatMoment("2026-11-23T22:05:40Z", "UTC")).toBe("23 Nov 2026, 22:05");
  expect(formatMoment("2026-11-23T22:05:40Z", "Asia/Tokyo")).toBe("24 Nov 2026, 07:05");
});
