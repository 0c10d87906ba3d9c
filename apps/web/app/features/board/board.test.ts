import { describe, expect, test } from "vitest";
import {
  type BoardFilter,
  matchesFilter,
  moveOnBoard,
  NOBODY,
  putOnBoard,
  removeFromBoard,
  STATUSES,
} from "~/features/board/board";
import type { Board, Status, TaskSummary } from "~/lib/types";

function makeTask(id: string, changes: Partial<TaskSummary> = {}): TaskSummary {
  return {
    id,
    key: `WEB-${id}`,
    number: 1,
    project_id: "p",
    title: `Task ${id}`,
    status: "todo",
    priority: "medium",
    assignees: [],
    labels: [],
    due_date: null,
    subtasks: { total: 0, completed: 0 },
    comment_count: 0,
    attachment_count: 0,
    can_start: true,
    updated_at: "2026-11-23T12:00:00Z",
    version: 1,
    ...changes,
  } as TaskSummary;
}

function makeBoard(ids: Partial<Record<Status, string[]>>): Board {
  return {
    columns: STATUSES.map((status) => {
      const tasks = (ids[status] ?? []).map((id) => makeTask(id, { status }));
      return { status, total: tasks.length, tasks, next_cursor: null };
    }),
  };
}

function idsOf(board: Board): Record<string, string[]> {
  return Object.fromEntries(board.columns.map((column) => [column.status, column.tasks.map((task) => task.id)]));
}

describe("moveOnBoard", () => {
  const board = makeBoard({ todo: ["a", "b", "c"], review: ["x", "y"] });

  test("moves before a neighbour of another column and keeps the totals", () => {
    const moved = moveOnBoard(board, "b", { status: "review", before: "y" });
    expect(idsOf(moved)).toMatchObject({ todo: ["a", "c"], review: ["x", "b", "y"] });
    expect(moved.columns.map((column) => column.total)).toEqual([2, 0, 3, 0]);
    expect(moved.columns[2]?.tasks[1]?.status).toBe("review");
  });

  test("moves after a neighbour within its column", () => {
    expect(idsOf(moveOnBoard(board, "a", { status: "todo", after: "c" })).todo).toEqual(["b", "c", "a"]);
  });

  test("moves to the end without a neighbour, or when the neighbour has gone", () => {
    expect(idsOf(moveOnBoard(board, "a", { status: "review" })).review).toEqual(["x", "y", "a"]);
    expect(idsOf(moveOnBoard(board, "a", { status: "review", before: "gone" })).review).toEqual(["x", "y", "a"]);
  });

  test("changes nothing for a task that is not there", () => {
    expect(moveOnBoard(board, "nobody", { status: "done" })).toBe(board);
  });

  test("leaves the board that it was given as it was", () => {
    moveOnBoard(board, "a", { status: "done" });
    expect(idsOf(board).todo).toEqual(["a", "b", "c"]);
  });
});

describe("putOnBoard", () => {
  test("replaces a task in its place", () => {
    const board = putOnBoard(makeBoard({ todo: ["a", "b"] }), makeTask("a", { title: "New", version: 2 }));
    expect(board.columns[0]?.tasks.map((task) => task.title)).toEqual(["New", "Task b"]);
  });

  test("ignores an older version", () => {
    const board = makeBoard({ todo: ["a"] });
    const newer = putOnBoard(board, makeTask("a", { title: "New", version: 3 }));
    expect(putOnBoard(newer, makeTask("a", { title: "Old", version: 2 }))).toBe(newer);
  });

  test("moves a task whose status changed, and counts a new one", () => {
    const moved = putOnBoard(makeBoard({ todo: ["a"] }), makeTask("a", { status: "done", version: 2 }));
    expect(idsOf(moved)).toMatchObject({ todo: [], done: ["a"] });
    const added = putOnBoard(moved, makeTask("n"));
    expect(added.columns[0]?.total).toBe(1);
  });

  test("only counts a new task beyond the last loaded page", () => {
    const board = makeBoard({ todo: ["a"] });
    const long = { columns: board.columns.map((column) => ({ ...column, next_cursor: "more" })) };
    const column = putOnBoard(long, makeTask("n")).columns[0];
    expect([column?.tasks.length, column?.total]).toEqual([1, 2]);
  });
});

test("removes a task and counts one less", () => {
  const column = removeFromBoard(makeBoard({ todo: ["a", "b"] }), "a").columns[0];
  expect([column?.tasks.map((task) => task.id), column?.total]).toEqual([["b"], 1]);
});

describe("matchesFilter", () => {
  const none: BoardFilter = { text: "", assignees: new Set(), labels: new Set(), priorities: new Set() };
  const task = makeTask("1", {
    title: "Write the guide",
    priority: "high",
    assignees: [{ id: "ada", username: "ada", name: "Ada" }],
    labels: [{ id: "docs", name: "Docs", color: "#000000" }],
  });

  test.each([
    ["nothing asked", {}, true],
    ["text in the title", { text: "GUIDE" }, true],
    ["text in the key", { text: "web-1" }, true],
    ["other text", { text: "invoice" }, false],
    ["its assignee", { assignees: new Set(["ada", "bob"]) }, true],
    ["nobody assigned", { assignees: new Set([NOBODY]) }, false],
    ["its label but another priority", { labels: new Set(["docs"]), priorities: new Set(["low"]) }, false],
  ])("%s", (_name, filter, expected) => {
    expect(matchesFilter(task, { ...none, ...filter })).toBe(expected);
  });

  test("finds unassigned tasks", () => {
    expect(matchesFilter(makeTask("2"), { ...none, assignees: new Set([NOBODY]) })).toBe(true);
  });
});
