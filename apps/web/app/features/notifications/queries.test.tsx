import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test } from "vitest";
import {
  type NotificationPages,
  notificationsQuery,
  unreadQuery,
  useMarkRead,
  withRead,
} from "~/features/notifications/queries";
import { makeApi } from "~/lib/api";
import { makeQueryClient } from "~/lib/query";
import type { Notification } from "~/lib/types";

const NOW = "2026-11-23T12:00:00Z";

function pagesOf(...read: (string | null)[]): NotificationPages {
  const items = read.map((read_at, index) => ({ id: `n${index}`, read_at }) as Notification);
  return { pages: [{ items, next_cursor: null, total: null }], pageParams: [null] };
}

const readOf = (pages: NotificationPages | undefined) => pages?.pages[0]?.items.map((item) => item.read_at);

test("shows one or all as read, and keeps when others were", () => {
  expect(readOf(withRead(pagesOf(null, null, "before"), "n1", NOW))).toEqual([null, NOW, "before"]);
  expect(readOf(withRead(pagesOf(null, null, "before"), "all", NOW))).toEqual([NOW, NOW, "before"]);
  const read = pagesOf("before");
  expect(withRead(read, "n0", NOW)).toBe(read);
});

/** A page with two unread notifications, and a server that answers as told when one is marked as read. */
function mount(answer: () => Promise<Response>) {
  const api = makeApi((request) => {
    if (request.method === "POST") return answer();
    const body = request.url.includes("unread-count") ? { unread: 2 } : pagesOf(null, null).pages[0];
    return Promise.resolve(Response.json(body));
  }, "http://localhost");
  const client = makeQueryClient(api);
  client.setQueryData(unreadQuery.queryKey, 2);
  client.setQueryData(notificationsQuery().queryKey, pagesOf(null, null));
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  return { client, hook: renderHook(() => useMarkRead(), { wrapper }) };
}

test("counts down before the server has answered, and back when it refuses", async () => {
  const waiting = Promise.withResolvers<Response>();
  const { client, hook } = mount(() => waiting.promise);
  act(() => hook.result.current.mutate("n0"));
  await waitFor(() => expect(client.getQueryData(unreadQuery.queryKey)).toBe(1));
  expect(readOf(client.getQueryData(notificationsQuery().queryKey))).toEqual([expect.any(String), null]);

  waiting.resolve(Response.json({ title: "No", status: 503 }, { status: 503 }));
  await waitFor(() => expect(hook.result.current.isError).toBe(true));
  expect(client.getQueryData(unreadQuery.queryKey)).toBe(2);
  expect(readOf(client.getQueryData(notificationsQuery().queryKey))).toEqual([null, null]);
});
