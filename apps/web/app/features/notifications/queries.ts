import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { apiOf } from "~/lib/query";
import type { Notification, Page } from "~/lib/types";

export const unreadQuery = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async ({ client, signal }) =>
    (await apiOf(client).get<{ unread: number }>("/notifications/unread-count", { signal })).unread,
});

export const notificationsQuery = infiniteQueryOptions({
  queryKey: ["notifications", "list"],
  queryFn: ({ client, signal, pageParam }) =>
    apiOf(client).get<Page<Notification>>("/notifications", { signal, query: { cursor: pageParam, limit: 30 } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

/** Mark one (by id) or all as read. */
export function useMarkRead() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string | "all") =>
      apiOf(client).post(id === "all" ? "/notifications/read-all" : `/notifications/${id}/read`),
    onError: (error) => toastError("The notification could not be marked as read.", error),
    onSettled: () => client.invalidateQueries({ queryKey: ["notifications"] }),
  });
}
