import type { MaintenanceTaskView } from "@synergy/client";
import { plural } from "~/lib/format";

type State = MaintenanceTaskView["state"];
type Period = MaintenanceTaskView["period"];

export const HOW_NAMES: Record<MaintenanceTaskView["how"], string> = {
  job: "By itself, on a schedule.",
  command: "By a command on the server.",
  sign_off: "By a person, who signs it off.",
};

const PERIOD_NAMES: Record<Period, string> = {
  daily: "Daily",
  weekly: "Weekly",
  monthly: "Monthly",
  quarterly: "Quarterly",
};
const URGENCY: readonly State[] = ["overdue", "attention", "never", "ok", "not_applicable"];

/** The lists in the order of their periods; in each what is overdue comes first. Lists without a task are left out. */
export function listsOf(tasks: readonly MaintenanceTaskView[]) {
  return (Object.keys(PERIOD_NAMES) as Period[])
    .map((period) => ({
      period,
      title: PERIOD_NAMES[period],
      tasks: tasks
        .filter((task) => task.period === period)
        .sort((one, other) => URGENCY.indexOf(one.state) - URGENCY.indexOf(other.state)),
    }))
    .filter((list) => list.tasks.length);
}

/** What there is to do, in one line. */
export function maintenanceSentence(tasks: readonly MaintenanceTaskView[]): string {
  const count = (state: State) => tasks.filter((task) => task.state === state).length;
  const [late, seen] = [count("overdue"), count("attention")];
  const parts = [late && `${plural(late, "task")} overdue`, seen && `${plural(seen, "task")} to look at`];
  return parts.filter(Boolean).join(", ") || "Nothing is overdue";
}
