import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { AtSign, Bell, CalendarClock, CheckCheck, MessageSquare, UserRoundPlus } from "lucide-react";
import type { ComponentType } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { EmptyState, Skeleton } from "~/components/ui/states";
import { notificationsQuery, unreadQuery, useMarkRead } from "~/features/notifications/queries";
import type { Notification } from "~/lib/types";

const icons: Record<string, ComponentType<{ className?: string }>> = {
  task_assigned: UserRoundPlus,
  mention: AtSign,
  comment_added: MessageSquare,
  deadline_approaching: CalendarClock,
};

export default function NotificationList({ onOpen }: { onOpen?: () => void }) {
  const { data, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(notificationsQuery);
  const { data: unread = 0 } = useQuery(unreadQuery);
  const { mutate: markRead, isPending: isMarking } = useMarkRead();
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-label="Notifications" className="flex min-h-0 flex-1 flex-col">
      <header className="flex h-11 shrink-0 items-center justify-between border-b border-line ps-4 pe-2">
        <h2 className="text-body font-semibold">Notifications</h2>
        {unread > 0 && (
          <Button variant="ghost" isPending={isMarking} onPress={() => markRead("all")}>
            <CheckCheck aria-hidden /> Mark all as read
          </Button>
        )}
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto scrollbar-thin">
        {isPending && [1, 2, 3, 4].map((row) => <Skeleton key={row} className="mx-4 my-3 h-10" />)}
        {!isPending && items.length === 0 && (
          <EmptyState icon={<Bell />} title="Nothing new">
            You are told here when somebody assigns you a task, mentions you or comments.
          </EmptyState>
        )}
        <ul>
          {items.map((notification) => (
            <li key={notification.id} className="border-b border-line last:border-b-0">
              <Row
                notification={notification}
                onOpen={() => {
                  if (!notification.read_at) markRead(notification.id);
                  onOpen?.();
                }}
              />
            </li>
          ))}
        </ul>
        {hasNextPage && (
          <div className="flex justify-center p-2">
            <Button variant="ghost" isPending={isFetchingNextPage} onPress={() => fetchNextPage()}>
              Show older
            </Button>
          </div>
        )}
      </div>
    </section>
  );
}

function Row({ notification, onOpen }: { notification: Notification; onOpen: () => void }) {
  const { type, title, message, action_url, created_at, read_at } = notification;
  const Icon = icons[type] ?? Bell;
  return (
    <Link
      to={action_url ?? "/notifications"}
      onClick={onOpen}
      className="flex gap-3 px-4 py-2.5 -outline-offset-2 hover:bg-hover"
    >
      <span
        className={cx(
          "mt-0.5 flex size-7 shrink-0 items-center justify-center rounded-full [&_svg]:size-4",
          read_at ? "bg-hover text-subtle" : "bg-accent/12 text-accent",
        )}
      >
        <Icon />
      </span>
      <span className="min-w-0 flex-1">
        <span className={cx("block truncate", !read_at && "font-medium")}>{title}</span>
        <span className="line-clamp-2 text-meta text-muted">{message}</span>
      </span>
      <span className="flex shrink-0 flex-col items-end gap-1.5 text-meta text-subtle">
        <TimeAgo iso={created_at} />
        {!read_at && (
          <span className="size-2 rounded-full bg-accent">
            <span className="sr-only">Unread</span>
          </span>
        )}
      </span>
    </Link>
  );
}
