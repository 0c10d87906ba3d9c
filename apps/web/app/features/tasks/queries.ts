import { getTask, listComments, listMyTasks, listSubtasks, listTasks } from "@synergy/client";
import { queryOptions } from "@tanstack/react-query";
import { type Api, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Comment } from "~/lib/types";

/** Tasks are cached by their key (WEB-42), as addresses name them. */
export const taskQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey],
    queryFn: ({ client, signal }) => answer(getTask({ client: apiOf(client), signal, path: { task: taskKey } })),
  });

export const subtasksQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "subtasks"],
    queryFn: async ({ client, signal }) =>
      (await answer(listSubtasks({ client: apiOf(client), signal, path: { task: taskKey } }))).items,
  });

async function allComments(client: Api, taskKey: string, signal: AbortSignal): Promise<Comment[]> {
  const comments: Comment[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: Comment[]; next_cursor: string | null } = await answer(
      listComments({ client, signal, path: { task: taskKey }, query: { limit: 200, ...(cursor && { cursor }) } }),
    );
    comments.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return comments;
}

export const commentsQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "comments"],
    queryFn: ({ client, signal }) => allComments(apiOf(client), taskKey, signal),
  });

/** Open tasks assigned to the caller. */
export const myTasksQuery = queryOptions({
  queryKey: ["my-tasks"],
  queryFn: async ({ client, signal }) =>
    (
      await answer(
        listMyTasks({
          client: apiOf(client),
          signal,
          query: { status: "todo,in_progress,review", limit: 200 },
        }),
      )
    ).items,
});

/** Tasks across projects by key or title. */
export const taskSearchQuery = (text: string) =>
  queryOptions({
    queryKey: ["task-search", text],
    queryFn: async ({ client, signal }) =>
      (await answer(listTasks({ client: apiOf(client), signal, query: { q: text, limit: 8 } }))).items,
    enabled: text.trim().length > 1,
    placeholderData: (previous) => previous,
  });
