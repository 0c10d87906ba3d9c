import { getBoard, listProjectTasks } from "@synergy/client";
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { type Api, ApiError, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Board, Column, TaskSummary } from "~/lib/types";

type Page = Pick<Column, "next_cursor"> & { items: TaskSummary[] };

const PAGE = 50;

function nextPage(client: Api, projectId: string, column: Column, signal?: AbortSignal): Promise<Page> {
  return answer(
    listProjectTasks({
      client,
      signal,
      path: { project_id: projectId },
      query: { status: column.status, sort: "position", cursor: column.next_cursor, limit: PAGE },
    }),
  );
}

function append(column: Column, page: Page): Column {
  const known = new Set(column.tasks.map((task) => task.id));
  return {
    ...column,
    tasks: [...column.tasks, ...page.items.filter((task) => !known.has(task.id))],
    next_cursor: page.next_cursor,
  };
}

export const boardQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["board", projectId],
    queryFn: async ({ client, signal, queryKey }): Promise<Board> => {
      const api = apiOf(client);
      const board = await answer(getBoard({ client: api, signal, path: { project_id: projectId } }));
      // What somebody has scrolled to stays loaded when the board is fetched again.
      const shown = new Map(
        client.getQueryData<Board>(queryKey)?.columns.map((column) => [column.status, column.tasks.length]),
      );
      const columns = await Promise.all(
        board.columns.map(async (first) => {
          let column = first;
          while (column.next_cursor && column.tasks.length + PAGE <= (shown.get(column.status) ?? 0)) {
            column = append(column, await nextPage(api, projectId, column, signal));
          }
          return column;
        }),
      );
      return { columns };
    },
  });

/** Load the next page of a column into the board. */
export async function loadMore(client: QueryClient, projectId: string, column: Column): Promise<void> {
  const key = boardQuery(projectId).queryKey;
  let page: Page;
  try {
    page = await nextPage(apiOf(client), projectId, column);
  } catch (error) {
    // The place it went on from is no longer known: begin again.
    if (error instanceof ApiError && error.status === 400) return client.invalidateQueries({ queryKey: key });
    throw error;
  }
  client.setQueryData(
    key,
    (board) =>
      board && {
        ...board,
        columns: board.columns.map((other) => (other.status === column.status ? append(other, page) : other)),
      },
  );
}
