import { useQuery } from "@tanstack/react-query";
import { MoreHorizontal } from "lucide-react";
import { useState } from "react";
import { IconButton } from "~/components/ui/button";
import ConfirmDialog from "~/components/ui/confirm-dialog";
import { Menu, MenuTrigger } from "~/components/ui/menu";
import { toastDone } from "~/components/ui/toast";
import { meQuery } from "~/features/identity/queries";
import { mayEditTasks, mayManage } from "~/features/projects/roles";
import { useChangeTask, useDeleteTask } from "~/features/tasks/mutations";
import { taskQuery } from "~/features/tasks/queries";
import { TaskMenuItems } from "~/features/tasks/task-actions";
import type { Project } from "~/lib/types";

interface TaskMenuProps {
  taskKey: string;
  project: Project;
  onDeleted: () => void;
}

export default function TaskMenu({ taskKey, project, onDeleted }: TaskMenuProps) {
  const { data: task } = useQuery(taskQuery(taskKey));
  const { data: me } = useQuery(meQuery);
  const { mutate: change } = useChangeTask(taskKey);
  const remove = useDeleteTask();
  const [isAsking, setAsking] = useState(false);
  if (!task) return null;
  const mayDelete = mayManage(project) || (mayEditTasks(project) && task.reporter?.id === me?.id);
  return (
    <>
      <MenuTrigger>
        <IconButton label={`Actions for ${taskKey}`}>
          <MoreHorizontal />
        </IconButton>
        <Menu aria-label={`Actions for ${taskKey}`} placement="bottom end">
          <TaskMenuItems
            task={task}
            onMove={mayEditTasks(project) ? (status) => change({ status }) : undefined}
            onDelete={mayDelete ? () => setAsking(true) : undefined}
          />
        </Menu>
      </MenuTrigger>
      <ConfirmDialog
        title={`Delete ${taskKey}?`}
        action="Delete task"
        isOpen={isAsking}
        onOpenChange={setAsking}
        onConfirm={() =>
          remove.mutate(task, {
            onSuccess: () => {
              toastDone(`${taskKey} deleted.`);
              onDeleted();
            },
          })
        }
      >
        “{task.title}” goes to the trash with its comments and subtasks, and is kept there for 30 days.
      </ConfirmDialog>
    </>
  );
}
