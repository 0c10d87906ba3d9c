import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Bell, CheckCheck, Settings2 } from "lucide-react";
import { Link } from "react-router";
import { Button, LinkButton } from "~/components/ui/button";
import { EmptyState, Skeleton } from "~/components/ui/states";
import { notificationsQuery, unreadQuery, useMarkRead } from "~/features/notifications/queries";
import { NotificationRow } from "~/features/notifications/row";

/** The newest notifications, in the bell's popover. */
export default function NotificationList({ onClose }: { onClose: () => void }) {
  const { data, isPending, isError, refetch } = useInfiniteQuery(notificationsQuery());
  const { data: unread = 0 } = useQuery(unreadQuery);
  const { mutate: markRead } = useMarkRead();
  const items = data?.pages[0]?.items ?? [];
  return (
    <>
      <header className="flex h-11 shrink-0 items-center gap-1 border-b border-line ps-4 pe-2">
        <h2 className="flex-1 text-body font-semibold">Notifications</h2>
        {/* Always there, so that the focus has a place to stay. */}
        <Button variant="ghost" onPress={() => unread > 0 && markRead("all")}>
          <CheckCheck aria-hidden /> Mark all as read
        </Button>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto scrollbar-thin">
        {isPending && [1, 2, 3, 4].map((row) => <Skeleton key={row} className="mx-4 my-3 h-10" />)}
        {isError && !data && (
          <EmptyState
            icon={<Bell />}
            title="The list did not come"
            action={<Button onPress={() => refetch()}>Try again</Button>}
          >
            The server gave no answer. Check the connection.
          </EmptyState>
        )}
        {data && items.length === 0 && (
          <EmptyState
            icon={<Bell />}
            title="Nothing new"
            action={
              <LinkButton to="/settings/notifications" onClick={onClose}>
                Choose what you are told
              </LinkButton>
            }
          >
            You are told here when somebody assigns you a task, mentions you or comments.
          </EmptyState>
        )}
        <ul>
          {items.map((notification) => (
            <li key={notification.id} className="border-b border-line last:border-b-0">
              <NotificationRow
                notification={notification}
                onOpen={() => {
                  if (!notification.read_at) markRead(notification.id);
                  if (notification.action_url) onClose();
                }}
              />
            </li>
          ))}
        </ul>
      </div>
      <footer className="flex shrink-0 items-center justify-between border-t border-line px-2 py-1.5">
        <LinkButton variant="ghost" to="/notifications" onClick={onClose}>
          See all
        </LinkButton>
        <Link
          to="/settings/notifications"
          onClick={onClose}
          className="flex h-7 items-center gap-1.5 rounded-control px-2.5 text-muted hover:bg-hover hover:text-text touch:h-11"
        >
          <Settings2 aria-hidden className="size-4" /> Settings
        </Link>
      </footer>
    </>
  );
}
