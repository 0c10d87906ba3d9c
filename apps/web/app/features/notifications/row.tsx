import {
  Archive,
  AtSign,
  Bell,
  CalendarClock,
  CalendarX,
  CircleCheck,
  Flag,
  FolderKanban,
  MessageSquare,
  Pencil,
  UserRoundPlus,
  Webhook,
} from "lucide-react";
import type { ComponentType } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { cx } from "~/components/ui/cx";
import { plural } from "~/lib/format";
import type { Notification, NotificationType } from "~/lib/types";

const icons: Partial<Record<NotificationType, ComponentType<{ className?: string }>>> = {
  task_assigned: UserRoundPlus,
  task_updated: Pencil,
  task_completed: CircleCheck,
  task_overdue: CalendarX,
  mention: AtSign,
  comment_added: MessageSquare,
  deadline_approaching: CalendarClock,
  milestone_due: Flag,
  milestone_completed: Flag,
  milestone_overdue: Flag,
  project_created: FolderKanban,
  project_updated: FolderKanban,
  project_completed: FolderKanban,
  member_added: UserRoundPlus,
  webhook_disabled: Webhook,
  backup_failed: Archive,
};

const rowClass = "flex w-full gap-3 px-4 py-2.5 text-start -outline-offset-2 hover:bg-hover";

/** A notification; opening it leads to what it is about. */
export function NotificationRow({ notification, onOpen }: { notification: Notification; onOpen: () => void }) {
  const { type, title, message, action_url, data, updated_at, read_at } = notification;
  const Icon = icons[type] ?? Bell;
  const count = typeof data.count === "number" ? data.count : 1;
  const content = (
    <>
      <span
        className={cx(
          "mt-0.5 flex size-7 shrink-0 items-center justify-center rounded-full [&_svg]:size-4",
          read_at ? "bg-hover text-subtle" : "bg-accent/12 text-accent",
        )}
      >
        <Icon aria-hidden />
      </span>
      <span className="min-w-0 flex-1">
        <span className={cx("block truncate", !read_at && "font-medium")}>{title}</span>
        <span className="line-clamp-2 text-meta text-muted">
          {[count > 1 && plural(count, "change"), message].filter(Boolean).join(" · ")}
        </span>
      </span>
      <span className="flex shrink-0 flex-col items-end gap-1.5 text-meta text-subtle">
        <TimeAgo iso={updated_at} />
        {!read_at && (
          <span className="size-2 rounded-full bg-accent">
            <span className="sr-only">Unread</span>
          </span>
        )}
      </span>
    </>
  );
  if (action_url) {
    return (
      <Link to={action_url} onClick={onOpen} className={rowClass}>
        {content}
      </Link>
    );
  }
  return (
    <button type="button" onClick={onOpen} className={rowClass}>
      {content}
    </button>
  );
}
