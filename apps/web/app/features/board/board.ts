import type { Board, Column, Status, TaskSummary } from "~/lib/types";

export const STATUSES: readonly Status[] = ["todo", "in_progress", "review", "done"];

/** Where a task goes: beside a neighbour, or to the end of the column. The server makes the position of it. */
export interface Destination {
  status: Status;
  before?: string;
  after?: string;
}

export function findTask(board: Board, taskId: string): TaskSummary | undefined {
  for (const column of board.columns) {
    const task = column.tasks.find((candidate) => candidate.id === taskId);
    if (task) return task;
  }
  return undefined;
}

function without(column: Column, taskId: string): Column {
  const tasks = column.tasks.filter((task) => task.id !== taskId);
  return tasks.length === column.tasks.length ? column : { ...column, tasks, total: column.total - 1 };
}

function insertionIndex(tasks: readonly TaskSummary[], { before, after }: Destination): number {
  const neighbour = before ?? after;
  const index = tasks.findIndex((task) => task.id === neighbour);
  if (index < 0) return tasks.length;
  return before ? index : index + 1;
}

/** The board after a move, as the server will answer it. A task that is not on the board changes nothing. */
export function moveOnBoard(board: Board, taskId: string, destination: Destination): Board {
  const task = findTask(board, taskId);
  if (!task) return board;
  const columns = board.columns.map((column) => {
    const rest = without(column, taskId);
    if (column.status !== destination.status) return rest;
    const tasks = rest.tasks.toSpliced(insertionIndex(rest.tasks, destination), 0, {
      ...task,
      status: destination.status,
    });
    return { ...rest, tasks, total: rest.total + 1 };
  });
  return { ...board, columns };
}

/** Put a changed task where it stands; into another column when its status changed, and at the end when it is new. */
export function putOnBoard(board: Board, task: TaskSummary): Board {
  const present = findTask(board, task.id);
  if (present && present.version > task.version) return board;
  if (present && present.status === task.status) {
    const columns = board.columns.map((column) =>
      column.status === task.status
        ? { ...column, tasks: column.tasks.map((other) => (other.id === task.id ? task : other)) }
        : column,
    );
    return { ...board, columns };
  }
  const columns = board.columns.map((column) => {
    const rest = without(column, task.id);
    return column.status === task.status
      ? // Beyond the last loaded page only the number changes: the task comes with its own page.
        { ...rest, tasks: rest.next_cursor ? rest.tasks : [...rest.tasks, task], total: rest.total + 1 }
      : rest;
  });
  return { ...board, columns };
}

export function removeFromBoard(board: Board, taskId: string): Board {
  return { ...board, columns: board.columns.map((column) => without(column, taskId)) };
}

export interface BoardFilter {
  text: string;
  assignees: ReadonlySet<string>;
  labels: ReadonlySet<string>;
  priorities: ReadonlySet<string>;
}

export const NOBODY = "none";

/** Whether a card is shown: every kind of filter must hold, any of its values is enough. */
export function matchesFilter(task: TaskSummary, { text, assignees, labels, priorities }: BoardFilter): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted && !`${task.key} ${task.title}`.toLowerCase().includes(wanted)) return false;
  if (priorities.size > 0 && !priorities.has(task.priority)) return false;
  if (labels.size > 0 && !task.labels.some((label) => labels.has(label.id))) return false;
  if (assignees.size === 0) return true;
  return task.assignees.length === 0
    ? assignees.has(NOBODY)
    : task.assignees.some((person) => assignees.has(person.id));
}
