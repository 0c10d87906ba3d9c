import { createTask, moveTask, type TaskInput } from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { type Destination, moveOnBoard, putOnBoard } from "~/features/board/board";
import { boardQuery } from "~/features/board/queries";
import { taskQuery } from "~/features/tasks/queries";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export interface Move extends Destination {
  taskId: string;
}

/** Move a card at once; when the server refuses, it goes back and a message says why. */
export function useMoveTask(projectId: string) {
  const client = useQueryClient();
  const { queryKey } = boardQuery(projectId);
  const mutation = useMutation({
    // Moves of one board reach the server in the order in which they were made.
    scope: { id: `board-${projectId}` },
    mutationFn: ({ taskId, status, before, after }: Move) =>
      answer(moveTask({ client: apiOf(client), path: { task: taskId }, body: { status, before, after } })),
    onMutate: async (move) => {
      await client.cancelQueries({ queryKey });
      const snapshot = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (board) => board && moveOnBoard(board, move.taskId, move));
      return { snapshot };
    },
    onSuccess: (task) => {
      client.setQueryData(queryKey, (board) => board && putOnBoard(board, task));
      client.setQueryData(taskQuery(task.key).queryKey, task);
    },
    onError: (error, move, context) => {
      client.setQueryData(queryKey, context?.snapshot);
      client.invalidateQueries({ queryKey });
      toastError("The task went back to where it was.", error, () => mutation.mutate(move));
    },
  });
  return mutation;
}

/** Add a task to the end of a column. */
export function useCreateTask(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (task: TaskInput) =>
      answer(createTask({ client: apiOf(client), path: { project_id: projectId }, body: task })),
    onSuccess: (task) => {
      client.setQueryData(boardQuery(projectId).queryKey, (board) => board && putOnBoard(board, task));
      client.setQueryData(taskQuery(task.key).queryKey, task);
      client.invalidateQueries({ queryKey: ["projects"] });
      client.invalidateQueries({ queryKey: ["project", projectId], exact: true });
    },
  });
}
