import { GripVertical, ListChecks, Lock, MessageSquare, MoreHorizontal } from "lucide-react";
import { memo, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { AvatarStack } from "~/components/ui/avatar";
import { IconButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { Menu, MenuTrigger } from "~/components/ui/menu";
import type { Move } from "~/features/board/mutations";
import { DueDate } from "~/features/tasks/due-date";
import { LabelChip, PRIORITY_NAMES, PriorityIcon } from "~/features/tasks/status";
import { TaskMenuItems } from "~/features/tasks/task-actions";
import type { TaskSummary } from "~/lib/types";

const MOST_LABELS = 3;

interface TaskCardProps {
  task: TaskSummary;
  canEdit: boolean;
  onMove: (move: Move) => void;
}

export const TaskCard = memo(function TaskCard({ task, canEdit, onMove }: TaskCardProps) {
  const { key, title, priority, labels, subtasks, comment_count, due_date, assignees, can_start, status } = task;
  const isDone = status === "done";
  const hasFooter = due_date || subtasks.total > 0 || comment_count > 0 || assignees.length > 0 || !can_start;
  return (
    <article className="flex flex-col gap-1.5 p-2.5">
      <div className="flex h-5 items-center gap-1.5">
        <PriorityIcon priority={priority} label={`Priority ${PRIORITY_NAMES[priority]}`} />
        <span className="text-meta text-subtle">{key}</span>
        <span className="flex-1" />
        {canEdit && <CardControls task={task} onMove={onMove} />}
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
          <span className="flex-1" />
          <AvatarStack people={assignees} />
        </div>
      )}
    </article>
  );
});

/** Quiet until the card is pointed at or has the focus; always there where nothing can be pointed. */
function CardControls({ task, onMove }: Omit<TaskCardProps, "canEdit">) {
  const [isOpen, setOpen] = useState(false);
  return (
    <span
      className={cx(
        "flex items-center transition-opacity duration-100 touch:opacity-100",
        !isOpen && "opacity-0 group-focus-within/card:opacity-100 group-hover/card:opacity-100",
      )}
    >
      <AriaButton
        slot="drag"
        aria-label={`Drag ${task.key}`}
        className="flex size-6 items-center justify-center rounded-control text-subtle touch:hidden"
      >
        <GripVertical aria-hidden className="size-4" />
      </AriaButton>
      <MenuTrigger isOpen={isOpen} onOpenChange={setOpen}>
        <IconButton label={`Actions for ${task.key}`} className="-me-1 size-6 touch:-my-3 touch:size-11">
          <MoreHorizontal />
        </IconButton>
        <Menu aria-label={`Actions for ${task.key}`} placement="bottom end">
          <TaskMenuItems task={task} onMove={(status) => onMove({ taskId: task.id, status })} />
        </Menu>
      </MenuTrigger>
    </span>
  );
}
