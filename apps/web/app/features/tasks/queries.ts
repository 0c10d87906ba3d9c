import { getTask, listAttachments, listComments, listMyTasks, listSubtasks, listTasks } from "@synergy/client";
import { queryOptions } from "@tanstack/react-query";
import { type Api, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Attachment, Comment } from "~/lib/types";

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

interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

/** All pages of a list that is never very long. */
async function allOf<T>(load: (query: { limit: number; cursor?: string }) => Promise<ListPage<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: ListPage<T> = await load({ limit: 200, ...(cursor && { cursor }) });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

function allComments(client: Api, taskKey: string, signal: AbortSignal): Promise<Comment[]> {
  return allOf((query) => answer(listComments({ client, signal, path: { task: taskKey }, query })));
}

function allAttachments(client: Api, taskKey: string, signal: AbortSignal): Promise<Attachment[]> {
  return allOf((query) => answer(listAttachments({ client, signal, path: { task: taskKey }, query })));
}

export const commentsQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "comments"],
    queryFn: ({ client, signal }) => allComments(apiOf(client), taskKey, signal),
  });

/** The newest first. */
export const attachmentsQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "attachments"],
    queryFn: ({ client, signal }) => allAttachments(apiOf(client), taskKey, signal),
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
