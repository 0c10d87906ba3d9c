import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { boardQuery } from "~/features/board/queries";
import { EventApplier } from "~/features/live/events";
import { unreadQuery } from "~/features/notifications/queries";
import { attachmentsQuery, taskQuery } from "~/features/tasks/queries";
import { webhookQuery, webhooksQuery } from "~/features/webhooks/queries";
import { makeApi } from "~/lib/api";
import { makeQueryClient } from "~/lib/query";
import type { Board, LiveEvent, Task } from "~/lib/types";

const PROJECT = "p1";

/** A server that answers every task in the version that the ledger has reached, and counts what it is asked. */
function makeServer(version: number) {
  const asked: string[] = [];
  const api = makeApi(async (request) => {
    const path = new URL(request.url).pathname.replace("/api/v1", "");
    asked.push(path);
    const body = path.startsWith("/tasks/") ? taskOf("WEB-1", version, "review") : boardOf(version, "review");
    return Response.json(body);
  }, "http://localhost");
  return { asked, client: makeQueryClient(api) };
}

function taskOf(key: string, version: number, status: Task["status"] = "todo"): Task {
  return { id: key, key, project_id: PROJECT, title: key, status, version } as Task;
}

function boardOf(version: number, status: Task["status"] = "todo"): Board {
  return { columns: [{ status, total: 1, tasks: [taskOf("WEB-1", version, status)], next_cursor: null }] };
}

function moved(version: number): LiveEvent {
  return {
    id: "e",
    type: "task.moved",
    version: 1,
    occurred_at: "",
    actor: null,
    project_id: PROJECT,
    object: { type: "task", id: "WEB-1" },
    data: { key: "WEB-1", task_version: version },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("fetches the board once for several moves of one moment", async () => {
  const { client, asked } = makeServer(3);
  client.setQueryData(boardQuery(PROJECT).queryKey, boardOf(1));
  const stop = client.getQueryCache().find({ queryKey: boardQuery(PROJECT).queryKey });
  const applier = new EventApplier(client);
  applier.apply(moved(2));
  applier.apply(moved(3));
  await vi.advanceTimersByTimeAsync(100);
  expect(stop?.state.isInvalidated).toBe(true);
  expect(asked).toEqual([]);
});

test("ignores what is known already, as after one's own move", async () => {
  const { client } = makeServer(2);
  const { queryKey } = boardQuery(PROJECT);
  client.setQueryData(queryKey, boardOf(2));
  new EventApplier(client).apply(moved(2));
  await vi.advanceTimersByTimeAsync(100);
  expect(client.getQueryState(queryKey)?.isInvalidated).toBe(false);
});

test("fetches a changed task alone and puts it on the board", async () => {
  const { client, asked } = makeServer(2);
  const { queryKey } = boardQuery(PROJECT);
  client.setQueryData(queryKey, {
    columns: [...boardOf(1).columns, { status: "review", total: 0, tasks: [], next_cursor: null }],
  } as Board);
  new EventApplier(client).apply({ ...moved(2), type: "task.updated" });
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual(["/tasks/WEB-1"]);
  expect(client.getQueryData(queryKey)?.columns.map((column) => column.total)).toEqual([0, 1]);
});

test("takes a deleted task off the board at once", () => {
  const { client } = makeServer(2);
  const { queryKey } = boardQuery(PROJECT);
  client.setQueryData(queryKey, boardOf(1));
  client.setQueryData(taskQuery("WEB-1").queryKey, taskOf("WEB-1", 1));
  new EventApplier(client).apply({ ...moved(2), type: "task.deleted" });
  expect(client.getQueryData(queryKey)?.columns[0]?.total).toBe(0);
});

test("fetches the files and the counts of a task anew when somebody attaches one", async () => {
  const { client, asked } = makeServer(2);
  const { queryKey } = attachmentsQuery("WEB-1");
  client.setQueryData(boardQuery(PROJECT).queryKey, boardOf(1));
  client.setQueryData(queryKey, []);
  const attached = { type: "attachment.created", object: { type: "attachment", id: "a" }, data: { task_key: "WEB-1" } };
  new EventApplier(client).apply({ ...moved(2), ...attached });
  await vi.advanceTimersByTimeAsync(100);
  expect(client.getQueryState(queryKey)?.isInvalidated).toBe(true);
  expect(asked).toEqual(["/tasks/WEB-1"]);
});

test.each(["created", "updated", "read"])("counts unread notifications anew when one is %s", async (verb) => {
  const { client } = makeServer(1);
  client.setQueryData(unreadQuery.queryKey, 1);
  const object = { type: "notification", id: "n" };
  new EventApplier(client).apply({ ...moved(1), type: `notification.${verb}`, project_id: null, object });
  await vi.advanceTimersByTimeAsync(100);
  expect(client.getQueryState(unreadQuery.queryKey)?.isInvalidated).toBe(true);
});

test("fetches a webhook anew when it is disabled, and not its project", async () => {
  const { client } = makeServer(1);
  const keys = [webhooksQuery(PROJECT).queryKey, webhookQuery("w").queryKey, ["project", PROJECT]];
  for (const queryKey of keys) client.setQueryData(queryKey, {});
  new EventApplier(client).apply({ ...moved(1), type: "webhook.disabled", object: { type: "webhook", id: "w" } });
  await vi.advanceTimersByTimeAsync(100);
  expect(keys.map((queryKey) => client.getQueryState(queryKey)?.isInvalidated)).toEqual([true, true, false]);
});
