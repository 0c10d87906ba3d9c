import { queryOptions } from "@tanstack/react-query";
import { apiOf } from "~/lib/query";
import type { Comment, Page, Subtask, Task, TaskSummary } from "~/lib/types";

/** Tasks are cached by their key (WEB-42), as addresses name them. */
export const taskQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey],
    queryFn: ({ client, signal }) => apiOf(client).get<Task>(`/tasks/${taskKey}`, { signal }),
  });

export const subtasksQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "subtasks"],
    queryFn: async ({ client, signal }) =>
      (await apiOf(client).get<Page<Subtask>>(`/tasks/${taskKey}/subtasks`, { signal, query: { limit: 200 } })).items,
  });

export const commentsQuery = (taskKey: string) =>
  queryOptions({
    queryKey: ["task", taskKey, "comments"],
    queryFn: async ({ client, signal }) =>
      (await apiOf(client).get<Page<Comment>>(`/tasks/${taskKey}/comments`, { signal, query: { limit: 200 } })).items,
  });

/** Open tasks assigned to the caller, the next due first. */
export const myTasksQuery = queryOptions({
  queryKey: ["my-tasks"],
  queryFn: async ({ client, signal }) =>
    (
      await apiOf(client).get<Page<TaskSummary>>("/me/tasks", {
        signal,
        query: { status: "todo,in_progress,review", limit: 200 },
      })
    ).items,
});

/** Tasks across projects by key or title. */
export const taskSearchQuery = (text: string) =>
  queryOptions({
    queryKey: ["task-search", text],
    queryFn: async ({ client, signal }) =>
      (await apiOf(client).get<Page<TaskSummary>>("/tasks", { signal, query: { q: text, limit: 8 } })).items,
    enabled: text.trim().length > 1,
    placeholderData: (previous) => previous,
  });
