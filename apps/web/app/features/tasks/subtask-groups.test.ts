import { expect, test } from "vitest";
import { groupSubtasks } from "~/features/tasks/subtask-groups";
import type { Subtask } from "~/lib/types";

const item = (title: string, group: string | null) => ({ id: title, title, group }) as Subtask;

test("groups in the order of appearance, items without a group first", () => {
  const groups = groupSubtasks([item("a", "Later"), item("b", "Before"), item("c", null), item("d", "Later")]);
  expect(groups.map(({ name, items }) => [name, items.map(({ title }) => title)])).toEqual([
    [null, ["c"]],
    ["Later", ["a", "d"]],
    ["Before", ["b"]],
  ]);
});
