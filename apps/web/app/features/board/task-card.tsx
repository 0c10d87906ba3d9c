import { ListChecks, Lock, MessageSquare, Paperclip } from "lucide-react";
import type { ReactNode } from "react";
import { AvatarStack } from "~/components/ui/avatar";
import { cx } from "~/components/ui/cx";
import { DueDate } from "~/features/tasks/due-date";
import { LabelChip, PRIORITY_NAMES, PriorityIcon } from "~/features/tasks/status";
import type { TaskSummary } from "~/lib/types";

const MOST_LABELS = 3;

interface TaskCardProps {
  task: TaskSummary;
  /** What can be done with the card, at its end. */
  controls?: ReactNode;
}

export function TaskCard({ task, controls }: TaskCardProps) {
  const {
    key,
    title,
    priority,
    labels,
    subtasks,
    comment_count,
    attachment_count,
    due_date,
    assignees,
    can_start,
    status,
  } = task;
  const isDone = status === "done";
  const hasCounts = subtasks.total > 0 || comment_count > 0 || attachment_count > 0;
  const hasFooter = due_date || hasCounts || assignees.length > 0 || !can_start;
  return (
    <div className="flex flex-col gap-1.5 p-2.5">
      <div className="flex h-5 items-center gap-1.5">
        <PriorityIcon priority={priority} label={`Priority ${PRIORITY_NAMES[priority]}`} />
        <span className="text-meta text-subtle">{key}</span>
        <span className="flex-1" />
        {controls}
      </div>
      <h3 className={cx("line-clamp-2 leading-[1.125rem] [overflow-wrap:anywhere]", isDone && "text-muted")}>
        {title}
      </h3>
      {labels.length > 0 && (
        <div className="flex flex-wrap gap-1">
          {labels.slice(0, MOST_LABELS).map((label) => (
            <LabelChip key={label.id} label={label} />
          ))}
          {labels.length > MOST_LABELS && (
            <span className="flex h-5 items-center text-label text-subtle">
              +{labels.length - MOST_LABELS}
              <span className="sr-only"> more labels</span>
            </span>
          )}
        </div>
      )}
      {hasFooter && (
        <div className="flex min-h-5 items-center gap-2.5 text-meta text-muted">
          {!can_start && !isDone && (
            <span className="flex items-center gap-1 text-warn">
              <Lock aria-hidden className="size-3.5" /> Blocked
            </span>
          )}
          {due_date && <DueDate date={due_date} isDone={isDone} />}
          {subtasks.total > 0 && (
            <span className={cx("flex items-center gap-1", subtasks.completed === subtasks.total && "text-ok")}>
              <ListChecks aria-hidden className="size-3.5" />
              <span className="sr-only">Subtasks done: </span>
              {subtasks.completed}/{subtasks.total}
            </span>
          )}
          {comment_count > 0 && (
            <span className="flex items-center gap-1">
              <MessageSquare aria-hidden className="size-3.5" />
              {comment_count}
              <span className="sr-only"> comments</span>
            </span>
          )}
          {attachment_count > 0 && (
            <span className="flex items-center gap-1">
              <Paperclip aria-hidden className="size-3.5" />
              {attachment_count}
              <span className="sr-only"> attachments</span>
            </span>
          )}
          <span className="flex-1" />
          <AvatarStack people={assignees} />
        </div>
      )}
    </div>
  );
}
