import { daysBetween } from "~/lib/format";
import type { TaskSummary } from "~/lib/types";

export interface DueGroup {
  title: string;
  tasks: TaskSummary[];
}

const WEIGHT = { urgent: 0, high: 1, medium: 2, low: 3 };

function groupOf(task: TaskSummary, today: string): string {
  if (!task.due_date) return "No date";
  const days = daysBetween(today, task.due_date);
  if (days < 0) return "Overdue";
  if (days === 0) return "Today";
  return days <= 7 ? "Next 7 days" : "Later";
}

/** Tasks by when they are due, the most urgent first; groups without tasks are left out. */
export function groupByDue(tasks: readonly TaskSummary[], today: string): DueGroup[] {
  return ["Overdue", "Today", "Next 7 days", "Later", "No date"]
    .map((title) => ({
      title,
      tasks: tasks
        .filter((task) => groupOf(task, today) === title)
        .sort((a, b) => (a.due_date ?? "").localeCompare(b.due_date ?? "") || WEIGHT[a.priority] - WEIGHT[b.priority]),
    }))
    .filter((group) => group.tasks.length > 0);
}
