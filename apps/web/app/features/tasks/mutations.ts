import {
  addComment,
  addSubtask,
  changeComment,
  changeSubtask,
  changeTask,
  deleteAttachment,
  deleteComment,
  deleteSubtask,
  deleteTask,
} from "@synergy/client";
import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { putOnBoard, removeFromBoard } from "~/features/board/board";
import { boardQuery } from "~/features/board/queries";
import { attachmentsQuery, commentsQuery, subtasksQuery, taskQuery } from "~/features/tasks/queries";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Label, Person, Task } from "~/lib/types";

export interface TaskChanges {
  title?: string;
  description?: string;
  status?: Task["status"];
  priority?: Task["priority"];
  due_date?: string | null;
  assignees?: Person[];
  labels?: Label[];
}

function bodyOf({ assignees, labels, ...plain }: TaskChanges) {
  return {
    ...plain,
    ...(assignees && { assignee_ids: assignees.map((person) => person.id) }),
    ...(labels && { label_ids: labels.map((label) => label.id) }),
  };
}

/** Put a task into every place that shows it. */
export function storeTask(client: QueryClient, task: Task): void {
  client.setQueryData(taskQuery(task.key).queryKey, task);
  client.setQueryData(boardQuery(task.project_id).queryKey, (board) => board && putOnBoard(board, task));
  client.invalidateQueries({ queryKey: ["my-tasks"] });
}

/** Change fields at once; back with a message when the server refuses. */
export function useChangeTask(taskKey: string) {
  const client = useQueryClient();
  const { queryKey } = taskQuery(taskKey);
  const mutation = useMutation({
    scope: { id: `task-${taskKey}` },
    mutationFn: (changes: TaskChanges) =>
      answer(changeTask({ client: apiOf(client), path: { task: taskKey }, body: bodyOf(changes) })),
    onMutate: async (changes) => {
      await client.cancelQueries({ queryKey, exact: true });
      const snapshot = client.getQueryData(queryKey);
      const { description: _rendered, ...visible } = changes;
      if (snapshot) {
        const next: Task = { ...snapshot, ...visible };
        client.setQueryData(queryKey, next);
        client.setQueryData(boardQuery(next.project_id).queryKey, (board) => board && putOnBoard(board, next));
      }
      return { snapshot };
    },
    onSuccess: (task) => storeTask(client, task),
    onError: (error, changes, context) => {
      const before = context?.snapshot;
      if (before) {
        client.setQueryData(queryKey, before);
        client.invalidateQueries({ queryKey: boardQuery(before.project_id).queryKey });
      }
      toastError("The change was not saved.", error, () => mutation.mutate(changes));
    },
  });
  return mutation;
}

export function useDeleteTask() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (task: Task) => deleteTask({ client: apiOf(client), path: { task: task.id } }),
    onSuccess: (_nothing, task) => {
      client.setQueryData(boardQuery(task.project_id).queryKey, (board) => board && removeFromBoard(board, task.id));
      client.removeQueries({ queryKey: taskQuery(task.key).queryKey });
      client.invalidateQueries({ queryKey: ["my-tasks"] });
    },
    onError: (error) => toastError("The task was not deleted.", error),
  });
}

/** The counts on the card follow by fetching the task again. */
export function refreshTask(client: QueryClient, taskKey: string): Promise<void> {
  return client
    .fetchQuery({ ...taskQuery(taskKey), staleTime: 0 })
    .then((task) => storeTask(client, task))
    .catch(() => undefined);
}

export function useAddSubtask(taskKey: string) {
  const client = useQueryClient();
  return useMutation({
    scope: { id: `subtasks-${taskKey}` },
    mutationFn: (input: { title: string; group: string | null }) =>
      answer(addSubtask({ client: apiOf(client), path: { task: taskKey }, body: input })),
    onSuccess: (subtask) => {
      client.setQueryData(subtasksQuery(taskKey).queryKey, (list) =>
        list?.some((other) => other.id === subtask.id) ? list : [...(list ?? []), subtask],
      );
      return refreshTask(client, taskKey);
    },
    onError: (error) => toastError("The subtask was not added.", error),
  });
}

export function useChangeSubtask(taskKey: string) {
  const client = useQueryClient();
  const { queryKey } = subtasksQuery(taskKey);
  return useMutation({
    scope: { id: `subtasks-${taskKey}` },
    mutationFn: ({ id, ...changes }: { id: string; title?: string; is_completed?: boolean }) =>
      answer(changeSubtask({ client: apiOf(client), path: { subtask_id: id }, body: changes })),
    onMutate: async ({ id, ...changes }) => {
      await client.cancelQueries({ queryKey });
      const snapshot = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (list) =>
        list?.map((subtask) => (subtask.id === id ? { ...subtask, ...changes } : subtask)),
      );
      return { snapshot };
    },
    onSuccess: () => refreshTask(client, taskKey),
    onError: (error, _changes, context) => {
      client.setQueryData(queryKey, context?.snapshot);
      toastError("The subtask was not changed.", error);
    },
  });
}

export function useDeleteSubtask(taskKey: string) {
  const client = useQueryClient();
  const { queryKey } = subtasksQuery(taskKey);
  return useMutation({
    mutationFn: (id: string) => deleteSubtask({ client: apiOf(client), path: { subtask_id: id } }),
    onSuccess: (_nothing, id) => {
      client.setQueryData(queryKey, (list) => list?.filter((subtask) => subtask.id !== id));
      return refreshTask(client, taskKey);
    },
    onError: (error) => toastError("The subtask was not deleted.", error),
  });
}

export function useAddComment(taskKey: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: string) =>
      answer(addComment({ client: apiOf(client), path: { task: taskKey }, body: { body } })),
    onSuccess: (comment) => {
      client.setQueryData(commentsQuery(taskKey).queryKey, (list) =>
        list?.some((other) => other.id === comment.id) ? list : [...(list ?? []), comment],
      );
      return refreshTask(client, taskKey);
    },
    onError: (error) => toastError("The comment was not sent.", error),
  });
}

export function useChangeComment(taskKey: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, body }: { id: string; body: string }) =>
      answer(changeComment({ client: apiOf(client), path: { comment_id: id }, body: { body } })),
    onSuccess: (comment) =>
      client.setQueryData(commentsQuery(taskKey).queryKey, (list) =>
        list?.map((other) => (other.id === comment.id ? comment : other)),
      ),
    onError: (error) => toastError("The comment was not changed.", error),
  });
}

export function useDeleteComment(taskKey: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => deleteComment({ client: apiOf(client), path: { comment_id: id } }),
    onSuccess: (_nothing, id) => {
      client.setQueryData(commentsQuery(taskKey).queryKey, (list) => list?.filter((comment) => comment.id !== id));
      return refreshTask(client, taskKey);
    },
    onError: (error) => toastError("The comment was not deleted.", error),
  });
}

export function useDeleteAttachment(taskKey: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => deleteAttachment({ client: apiOf(client), path: { attachment_id: id } }),
    onSuccess: (_nothing, id) => {
      client.setQueryData(attachmentsQuery(taskKey).queryKey, (list) => list?.filter((file) => file.id !== id));
      return refreshTask(client, taskKey);
    },
    onError: (error) => toastError("The file was not deleted.", error),
  });
}
