import { PRIORITY_NAMES, STATUS_NAMES } from "~/features/tasks/status";
import type { Activity, Priority, Status } from "~/lib/types";

export interface Sentence {
  /** What was done, as the words between the person and the object. */
  verb: string;
  /** The task that it was done to, if any. */
  taskKey?: string;
  title?: string;
  /** More words, or what somebody wrote. */
  detail?: string;
}

const FIELD_NAMES: Record<string, string> = {
  title: "the title",
  description: "the description",
  status: "the status",
  priority: "the priority",
  assignee_ids: "the assignees",
  label_ids: "the labels",
  depends_on_ids: "the dependencies",
  due_date: "the due date",
  start_date: "the start date",
  estimate_minutes: "the estimate",
  story_points: "the story points",
  impact: "the impact",
  name: "the name",
};

function valueName(field: string, value: unknown): string {
  if (value === null || value === "") return "none";
  if (field === "status" && String(value) in STATUS_NAMES) return STATUS_NAMES[value as Status];
  if (field === "priority") return PRIORITY_NAMES[value as Priority] ?? String(value);
  return String(value);
}

const SHOWN_VALUES = new Set(["title", "name", "status", "priority", "due_date", "start_date", "story_points"]);

function describeChanges(data: Record<string, unknown>): Pick<Sentence, "verb" | "detail"> {
  const changes = Object.entries((data.changes ?? {}) as Record<string, unknown[]>);
  const [first] = changes;
  if (changes.length !== 1 || !first) {
    const names = changes.map(([field]) => FIELD_NAMES[field] ?? field.replaceAll("_", " "));
    return { verb: names.length ? `changed ${names.join(", ")} of` : "changed" };
  }
  const [field, [before, after]] = [first[0], first[1] as [unknown, unknown]];
  return {
    verb: `changed ${FIELD_NAMES[field] ?? field.replaceAll("_", " ")} of`,
    detail: SHOWN_VALUES.has(field) ? `${valueName(field, before)} → ${valueName(field, after)}` : undefined,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A fact of the ledger in words. Facts of kinds that this page does not know are named by their type. */
export function describe({ type, data }: Pick<Activity, "type" | "data">): Sentence {
  const task = { taskKey: text(data.key) ?? text(data.task_key), title: text(data.title) };
  const [object = "", verb = ""] = type.split(".");
  switch (object) {
    case "task":
      if (type === "task.moved") {
        const [from, to] = [data.from_status, data.to_status] as [Status, Status];
        return from === to
          ? { verb: "moved within its column", ...task }
          : { verb: "moved", ...task, detail: `${STATUS_NAMES[from]} → ${STATUS_NAMES[to]}` };
      }
      if (type === "task.updated") return { ...task, ...describeChanges(data) };
      if (type === "task.assigned") return { verb: "assigned people to", ...task };
      return { verb, ...task };
    case "comment": {
      const words: Record<string, string> = {
        created: "commented on",
        updated: "edited a comment on",
        deleted: "deleted a comment on",
      };
      return {
        verb: words[verb] ?? verb,
        taskKey: task.taskKey,
        title: text(data.task_title),
        detail: verb === "created" ? text(data.excerpt) : undefined,
      };
    }
    case "subtask": {
      const [, isDone] = ((data.changes as Record<string, unknown[]> | undefined)?.is_completed ?? []) as boolean[];
      const words: Record<string, string> = {
        created: "added a subtask to",
        updated:
          isDone === undefined ? "changed a subtask of" : isDone ? "completed a subtask of" : "reopened a subtask of",
        deleted: "deleted a subtask of",
      };
      return { verb: words[verb] ?? verb, taskKey: task.taskKey, detail: task.title };
    }
    case "attachment": {
      const words: Record<string, string> = { created: "attached a file to", deleted: "deleted a file of" };
      return { verb: words[verb] ?? verb, taskKey: task.taskKey, detail: text(data.name) };
    }
    case "label":
      return { verb: `${verb} the label`, title: text(data.name) };
    case "member": {
      const words: Record<string, string> = {
        added: "added a member",
        invited: "invited",
        joined: "joined by invitation",
        updated: "changed a member's role",
        removed: "removed a member",
      };
      // who joined did it themselves; of an invitation the address is told, masked
      const title = verb === "joined" ? undefined : (text(data.username) ?? text(data.email));
      return { verb: words[verb] ?? verb, title, detail: text(data.role) };
    }
    case "invitation":
      return { verb: "revoked the invitation of", title: text(data.email), detail: text(data.role) };
    case "webhook":
      return { verb: `${verb} the webhook`, title: text(data.name), detail: text(data.reason) };
    case "project":
      if (type === "project.updated") return { title: "the project", ...describeChanges(data) };
      return { verb: `${verb} the project`, title: text(data.name) };
    default:
      return { verb: type.replace(".", " ") };
  }
}
