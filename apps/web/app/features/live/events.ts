import type { QueryClient } from "@tanstack/react-query";
import { findTask, removeFromBoard } from "~/features/board/board";
import { boardQuery } from "~/features/board/queries";
import { storeTask } from "~/features/tasks/mutations";
import { attachmentsQuery, commentsQuery, subtasksQuery, taskQuery } from "~/features/tasks/queries";
import { webhookQuery, webhooksQuery } from "~/features/webhooks/queries";
import type { LiveEvent } from "~/lib/types";

/** A named event reaches a page only by its name, so all that pages care about are listed. */
export const EVENT_TYPES = [
  "task.created",
  "task.updated",
  "task.assigned",
  "task.moved",
  "task.completed",
  "task.deleted",
  "subtask.created",
  "subtask.updated",
  "subtask.deleted",
  "attachment.created",
  "attachment.deleted",
  "comment.created",
  "comment.updated",
  "comment.deleted",
  "label.created",
  "label.updated",
  "label.deleted",
  "invitation.revoked",
  "member.added",
  "member.invited",
  "member.joined",
  "member.updated",
  "member.removed",
  "project.created",
  "project.updated",
  "project.archived",
  "project.unarchived",
  "project.transferred",
  "project.deleted",
  "project.imported",
  "webhook.disabled",
  "notification.created",
  "notification.updated",
  "notification.read",
] as const;

/** What hangs on a task and has a list of its own. */
const PARTS = { attachment: attachmentsQuery, comment: commentsQuery, subtask: subtasksQuery };

const WINDOW_MS = 60;
/** From here on the whole board is fetched once instead of its tasks one by one. */
const MANY_TASKS = 6;

/** Brings the cache up to the ledger. Facts of one moment are taken together; what is known already costs nothing. */
export class EventApplier {
  readonly #client: QueryClient;
  readonly #boards = new Set<string>();
  readonly #tasks = new Map<string, string>();
  readonly #stale = new Map<string, { queryKey: readonly unknown[]; exact: boolean }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  apply(event: LiveEvent): void {
    const { project_id: projectId, object, data, type } = event;
    if (projectId === null) {
      if (object.type === "notification") this.#invalidate(["notifications"]);
      return;
    }
    this.#invalidate(["project", projectId, "activity"]);
    if (object.type === "task") this.#applyTask(event, projectId);
    else if (object.type in PARTS) {
      const key = String(data.task_key);
      this.#invalidate(PARTS[object.type as keyof typeof PARTS](key).queryKey);
      this.#tasks.set(key, projectId);
    } else if (object.type === "label") {
      this.#invalidate(["project", projectId, "labels"]);
      if (type !== "label.created") this.#boards.add(projectId);
    } else if (object.type === "webhook") {
      this.#invalidate(webhooksQuery(projectId).queryKey);
      this.#invalidate(webhookQuery(object.id).queryKey);
    } else {
      this.#invalidate(["projects"]);
      this.#invalidate(["project", projectId]);
      if (type === "project.imported") this.#boards.add(projectId);
    }
    this.#timer ??= setTimeout(() => this.#flush(), WINDOW_MS);
  }

  #applyTask({ type, object, data }: LiveEvent, projectId: string): void {
    const key = String(data.key);
    if (type === "task.deleted") {
      this.#client.setQueryData(boardQuery(projectId).queryKey, (board) => board && removeFromBoard(board, object.id));
      this.#invalidate(taskQuery(key).queryKey);
    } else if (!this.#knows(projectId, object.id, key, Number(data.task_version))) {
      if (type === "task.moved") this.#boards.add(projectId);
      this.#tasks.set(key, projectId);
    }
    if (type !== "task.updated" && type !== "task.moved") {
      this.#invalidate(["projects"]);
      this.#invalidate(["project", projectId], true);
    }
    this.#invalidate(["my-tasks"]);
  }

  /** One's own changes, and those that came with an answer in the meantime. */
  #knows(projectId: string, taskId: string, key: string, version: number): boolean {
    const board = this.#client.getQueryData(boardQuery(projectId).queryKey);
    const onBoard = board && findTask(board, taskId)?.version;
    const detail = this.#client.getQueryData(taskQuery(key).queryKey)?.version;
    const isCurrent = (known: number | undefined) => known !== undefined && known >= version;
    return (!board || isCurrent(onBoard)) && (detail === undefined || isCurrent(detail)) && Boolean(board ?? detail);
  }

  #invalidate(queryKey: readonly unknown[], exact = false): void {
    this.#stale.set(JSON.stringify([queryKey, exact]), { queryKey, exact });
    this.#timer ??= setTimeout(() => this.#flush(), WINDOW_MS);
  }

  #flush(): void {
    this.#timer = undefined;
    const client = this.#client;
    const tasks = [...this.#tasks];
    for (const projectId of new Set(this.#tasks.values())) {
      if (tasks.filter(([, owner]) => owner === projectId).length > MANY_TASKS) this.#boards.add(projectId);
    }
    for (const projectId of this.#boards) client.invalidateQueries({ queryKey: boardQuery(projectId).queryKey });
    for (const [key, projectId] of tasks) {
      const { queryKey } = taskQuery(key);
      const isShown = client.getQueryCache().find({ queryKey })?.isActive() ?? false;
      const isOnBoard = client.getQueryData(boardQuery(projectId).queryKey) !== undefined;
      if (isShown || (isOnBoard && !this.#boards.has(projectId))) {
        client
          .fetchQuery({ ...taskQuery(key), staleTime: 0 })
          .then((task) => storeTask(client, task))
          .catch(() => client.invalidateQueries({ queryKey: boardQuery(projectId).queryKey }));
      } else client.removeQueries({ queryKey, exact: true });
    }
    for (const filter of this.#stale.values()) client.invalidateQueries(filter);
    this.#boards.clear();
    this.#tasks.clear();
    this.#stale.clear();
  }
}
