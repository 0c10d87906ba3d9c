import type { Subtask } from "~/lib/types";

export interface SubtaskGroup {
  name: string | null;
  items: Subtask[];
}

/** Checklists in the order in which they first appear; items without a group come first. */
export function groupSubtasks(subtasks: readonly Subtask[]): SubtaskGroup[] {
  const groups = new Map<string | null, Subtask[]>();
  for (const subtask of subtasks) groups.set(subtask.group, [...(groups.get(subtask.group) ?? []), subtask]);
  return [...groups]
    .map(([name, items]) => ({ name, items }))
    .sort((a, b) => Number(a.name !== null) - Number(b.name !== null));
}
