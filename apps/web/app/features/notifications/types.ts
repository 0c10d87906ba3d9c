const GROUPS: readonly (readonly [title: string, types: readonly string[]])[] = [
  [
    "Tasks",
    [
      "task_assigned",
      "mention",
      "comment_added",
      "task_updated",
      "task_completed",
      "deadline_approaching",
      "task_overdue",
      "proof_submitted",
      "proof_reviewed",
    ],
  ],
  ["Milestones", ["milestone_due", "milestone_completed", "milestone_overdue"]],
  [
    "Projects",
    ["invitation", "member_added", "project_created", "project_updated", "project_completed", "webhook_disabled"],
  ],
];

export interface TypeGroup<T> {
  title: string;
  types: [type: string, value: T][];
}

/** Types of notifications under what they are about; those that this page does not know come last. */
export function groupTypes<T>(types: Readonly<Record<string, T>>): TypeGroup<T>[] {
  const left = new Map(Object.entries(types));
  const groups: TypeGroup<T>[] = GROUPS.map(([title, names]) => ({
    title,
    types: names.flatMap((name) => {
      const value = left.get(name);
      left.delete(name);
      return value === undefined ? [] : [[name, value] as [string, T]];
    }),
  }));
  return [...groups, { title: "This installation", types: [...left] }].filter((group) => group.types.length > 0);
}
