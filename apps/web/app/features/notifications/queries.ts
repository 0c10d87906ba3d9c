import {
  countUnread,
  deleteRead,
  listNotifications,
  markAllRead,
  markRead,
  type NotificationViewPage,
} from "@synergy/client";
import {
  type InfiniteData,
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { toastDone, toastError } from "~/components/ui/toast";
import { type NotificationFilter, noFilter } from "~/features/notifications/filter";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export type NotificationPages = InfiniteData<NotificationViewPage, string | null>;

const LISTS = ["notifications", "list"] as const;

export const unreadQuery = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async ({ client, signal }) => (await answer(countUnread({ client: apiOf(client), signal }))).unread,
});

export const notificationsQuery = ({ unread, types }: NotificationFilter = noFilter) =>
  infiniteQueryOptions({
    queryKey: [...LISTS, { unread, types }],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listNotifications({
          client: apiOf(client),
          signal,
          query: {
            limit: 30,
            ...(unread && { unread }),
            ...(types.length > 0 && { type: types.join(",") }),
            ...(pageParam && { cursor: pageParam }),
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

/** The list with one (by id) or all shown as read; the same object when nothing changes. */
export function withRead(pages: NotificationPages, id: string | "all", now: string): NotificationPages {
  const isMeant = (item: NotificationViewPage["items"][number]) => !item.read_at && (id === "all" || item.id === id);
  if (!pages.pages.some((page) => page.items.some(isMeant))) return pages;
  return {
    ...pages,
    pages: pages.pages.map((page) => ({
      ...page,
      items: page.items.map((item) => (isMeant(item) ? { ...item, read_at: now } : item)),
    })),
  };
}

/** Mark one (by id) or all as read, at once; back with a message when that fails. */
export function useMarkRead() {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: async (id: string | "all"): Promise<void> => {
      if (id === "all") await markAllRead({ client: apiOf(client) });
      else await markRead({ client: apiOf(client), path: { notification_id: id } });
    },
    onMutate: async (id) => {
      await client.cancelQueries({ queryKey: ["notifications"] });
      const lists = client.getQueriesData<NotificationPages>({ queryKey: LISTS });
      const unread = client.getQueryData(unreadQuery.queryKey);
      const now = new Date().toISOString();
      for (const [queryKey, pages] of lists) if (pages) client.setQueryData(queryKey, withRead(pages, id, now));
      client.setQueryData(unreadQuery.queryKey, (count) => count && (id === "all" ? 0 : count - 1));
      return { lists, unread };
    },
    onError: (error, id, before) => {
      for (const [queryKey, pages] of before?.lists ?? []) client.setQueryData(queryKey, pages);
      client.setQueryData(unreadQuery.queryKey, before?.unread);
      const what = id === "all" ? "The notifications were" : "The notification was";
      toastError(`${what} not marked as read.`, error, () => mutation.mutate(id));
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["notifications"] }),
  });
  return mutation;
}

export function useDeleteRead() {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: () => deleteRead({ client: apiOf(client) }),
    onSuccess: () => {
      toastDone("What you had read is deleted.");
      return client.invalidateQueries({ queryKey: ["notifications"] });
    },
    onError: (error) => toastError("The notifications were not deleted.", error, () => mutation.mutate()),
  });
  return mutation;
}
