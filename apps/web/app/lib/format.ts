const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const dayMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayMonthYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});

/** "5 min. ago", "yesterday", and after a week the date. */
export function timeAgo(iso: string, now: number = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const age = Math.abs(seconds);
  if (age < 45) return "just now";
  if (age < 45 * MINUTE) return relative.format(Math.round(seconds / MINUTE), "minute");
  if (age < 22 * HOUR) return relative.format(Math.round(seconds / HOUR), "hour");
  if (age < 7 * DAY) return relative.format(Math.round(seconds / DAY), "day");
  return formatDate(iso.slice(0, 10), now);
}

/** A calendar date (YYYY-MM-DD), with the year only when it is not this one. */
export function formatDate(date: string, now: number = Date.now()): string {
  const isThisYear = date.slice(0, 4) === new Date(now).toISOString().slice(0, 4);
  return (isThisYear ? dayMonth : dayMonthYear).format(new Date(`${date}T00:00:00Z`));
}

/** Today's date in a timezone, as the API writes dates. */
export function today(timeZone = "UTC", now: number = Date.now()): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone }).format(now);
}

/** Whole days from one calendar date to another; negative when `to` lies before. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / (DAY * 1000));
}

/** The calendar date so many days later. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY * 1000).toISOString().slice(0, 10);
}

export interface DueState {
  label: string;
  tone: "overdue" | "soon" | "later";
}

/** How a due date reads today: near ones by name, past ones as overdue. */
export function dueState(date: string, todayDate: string): DueState {
  const days = daysBetween(todayDate, date);
  const now = Date.parse(`${todayDate}T00:00:00Z`);
  if (days < 0) return { label: days === -1 ? "Yesterday" : formatDate(date, now), tone: "overdue" };
  if (days === 0) return { label: "Today", tone: "soon" };
  if (days === 1) return { label: "Tomorrow", tone: "soon" };
  return { label: formatDate(date, now), tone: "later" };
}

const threeDigits = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A size in the decimal units that file managers show: "0 B", "1.23 MB". */
export function formatSize(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  // 999,500 would be shown as 1,000 kB
  const power = size < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size * 1.0005) / 3));
  return `${threeDigits.format(size / 1000 ** power)} ${units[power]}`;
}

/** A duration as people compare it: "85 ms", "1.2 s". */
export function formatDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${threeDigits.format(milliseconds / 1000)} s`;
}

/** A moment to the minute, in the timezone of this device if no other is named: "23 Nov 2026, 14:05". */
export function formatMoment(iso: string, timeZone?: string): string {
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone });
}

/** A moment as a field of date and time shows it, in the browser's timezone, to the minute. */
export function toLocalField(moment: Date): string {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The moment that a field of date and time means, as the API takes it; null when it is empty or not whole. */
export function fromLocalField(value: string): string | null {
  const moment = new Date(value);
  return value && !Number.isNaN(moment.getTime()) ? moment.toISOString() : null;
}

const grouped = new Intl.NumberFormat("en");

/** A count as people read it: "10,233". */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** A span of time in its two largest units: "12 s", "5 min", "3 h 20 min", "2 d 4 h". */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: readonly (readonly [number, string])[] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const parts: string[] = [];
  let rest = whole;
  for (const [size, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
