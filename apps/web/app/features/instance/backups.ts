import type { BackupRecord, Standing } from "@synergy/client";
import { formatSize, formatSpan, plural, timeAgo } from "~/lib/format";

export const TASK_NAMES: Record<string, string> = {
  backup: "Backup",
  drill: "Drill",
  restore: "Restore",
  offsite_copy: "Copy elsewhere",
};

/** "24 tables, 10,233 rows, 120 files", of what the record knows. */
export function contentsOf({ tables, rows, files }: Pick<BackupRecord, "tables" | "rows" | "files">): string {
  return [
    tables !== null && plural(tables, "table"),
    rows !== null && plural(rows, "row"),
    files !== null && plural(files, "file"),
  ]
    .filter(Boolean)
    .join(", ");
}

/** Kind, size, time taken and whether it is encrypted, as far as they are known. */
export function factsOf(record: BackupRecord): string {
  const { kind, bytes, seconds, encrypted, target } = record;
  return [
    kind,
    bytes !== null && formatSize(bytes),
    seconds !== null && formatSpan(seconds),
    encrypted !== null && (encrypted ? "encrypted" : "not encrypted"),
    target && `into ${target}`,
  ]
    .filter(Boolean)
    .join(", ");
}

export interface Statement {
  isAlarm: boolean;
  /** What is so, to be read from afar. */
  text: string;
  /** What else is known of it, or what to do; commands stand between backticks. */
  more: string;
}

const WORDS = {
  backup: {
    never: "There is no backup",
    failed: "The last backup did not go well",
    overdue: "No backup in the last 26 hours",
    none: "There is no good one.",
    command: "just backup",
  },
  restore: {
    never: "No restore was ever proven",
    failed: "The last try to restore did not go well",
    overdue: "No restore was proven in the last 26 hours",
    none: "None was ever proven.",
    command: "just drill",
  },
};

/** "good backup 3 hr. ago: 24 tables, 10,233 rows, 120 files, full, 52.4 MB"; of a restore what was equal. */
function goodOne(what: keyof typeof WORDS, record: BackupRecord): string {
  const contents = contentsOf(record);
  const known =
    what === "restore" ? contents && `${contents} equal` : [contents, factsOf(record)].filter(Boolean).join(", ");
  const name = what === "restore" ? "proven restore" : "good backup";
  return `${name} ${timeAgo(record.finished_at)}${known ? `: ${known}` : ""}`;
}

/** How the backups stand, or when a restore of one was last proven; `last` is the last try, which may have failed. */
export function statementOf(
  what: keyof typeof WORDS,
  { state, last_good: good }: Standing,
  last?: BackupRecord,
): Statement {
  const words = WORDS[what];
  if (state === "ok" && good) {
    return {
      isAlarm: false,
      text: `Last ${goodOne(what, good)}`,
      more: what === "restore" ? factsOf(good) : good.summary,
    };
  }
  const before = good ? `The last ${goodOne(what, good)}.` : words.none;
  const remedy = {
    never: `Run \`${words.command}\`; the backup container does it each night.`,
    failed: `Read \`just logs backup\`, mend that, then run \`${words.command}\`.`,
    overdue: `See that the backup container runs, then run \`${words.command}\`.`,
  };
  const problem = state === "ok" ? "overdue" : state;
  const parts = [problem === "failed" && last?.summary, problem !== "never" && before, remedy[problem]];
  return { isAlarm: true, text: words[problem], more: parts.filter(Boolean).join(" ") };
}
