import { expect, test } from "vitest";
import { groupByDue } from "~/features/tasks/due-groups";
import type { TaskSummary } from "~/lib/types";

const task = (id: string, due_date: string | null, priority = "medium") => ({ id, due_date, priority }) as TaskSummary;

test("groups by due date, and within a day by priority", () => {
  const groups = groupByDue(
    [
      task("none", null),
      task("late", "2026-11-01"),
      task("calm", "2026-11-23", "low"),
      task("hot", "2026-11-23", "urgent"),
      task("week", "2026-11-30"),
      task("far", "2026-12-01"),
    ],
    "2026-11-23",
  );
  expect(groups.map(({ title, tasks }) => [title, tasks.map(({ id }) => id)])).toEqual([
    ["Overdue", ["late"]],
    ["Today", ["hot", "calm"]],
    ["Next 7 days", ["week"]],
    ["Later", ["far"]],
    ["No date", ["none"]],
  ]);
});
