import { countUnread, listNotifications, markAllRead, markRead } from "@synergy/client";
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export const unreadQuery = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async ({ client, signal }) => (await answer(countUnread({ client: apiOf(client), signal }))).unread,
});

export const notificationsQuery = infiniteQueryOptions({
  queryKey: ["notifications", "list"],
  queryFn: ({ client, signal, pageParam }) =>
    answer(
      listNotifications({
        client: apiOf(client),
        signal,
        query: { limit: 30, ...(pageParam && { cursor: pageParam }) },
      }),
    ),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

/** Mark one (by id) or all as read. */
export function useMarkRead() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (id: string | "all"): Promise<void> => {
      if (id === "all") await markAllRead({ client: apiOf(client) });
      else await markRead({ client: apiOf(client), path: { notification_id: id } });
    },
    onError: (error) => toastError("The notification could not be marked as read.", error),
    onSettled: () => client.invalidateQueries({ queryKey: ["notifications"] }),
  });
}
