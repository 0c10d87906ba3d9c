import { Link2, Trash2 } from "lucide-react";
import { MenuGroup, MenuItem, MenuSeparator } from "~/components/ui/menu";
import { toastDone } from "~/components/ui/toast";
import { STATUSES } from "~/features/board/board";
import { STATUS_NAMES, StatusIcon } from "~/features/tasks/status";
import type { Status, TaskSummary } from "~/lib/types";

export async function copyTaskLink(task: Pick<TaskSummary, "key">): Promise<void> {
  await navigator.clipboard.writeText(`${window.location.origin}/tasks/${task.key}`);
  toastDone(`Link to ${task.key} copied.`);
}

/** The items of a task's menu: to another column, its link, deletion. */
export function TaskMenuItems({
  task,
  onMove,
  onDelete,
}: {
  task: TaskSummary;
  onMove?: (status: Status) => void;
  onDelete?: () => void;
}) {
  return (
    <>
      {onMove && (
        <MenuGroup title="Move to…">
          {STATUSES.filter((status) => status !== task.status).map((status) => (
            <MenuItem
              key={status}
              id={`move-${status}`}
              icon={<StatusIcon status={status} />}
              onAction={() => onMove(status)}
            >
              {STATUS_NAMES[status]}
            </MenuItem>
          ))}
        </MenuGroup>
      )}
      {onMove && <MenuSeparator />}
      <MenuItem id="copy" icon={<Link2 />} onAction={() => copyTaskLink(task)}>
        Copy link
      </MenuItem>
      {onDelete && (
        <MenuItem id="delete" icon={<Trash2 />} isDanger onAction={onDelete}>
          Delete task
        </MenuItem>
      )}
    </>
  );
}
