import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Avatar } from "~/components/ui/avatar";
import { IconButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { ProgressBar, Skeleton } from "~/components/ui/states";
import { useAddSubtask, useChangeSubtask, useDeleteSubtask } from "~/features/tasks/mutations";
import { subtasksQuery } from "~/features/tasks/queries";
import { groupSubtasks } from "~/features/tasks/subtask-groups";
import type { Subtask, Task } from "~/lib/types";

export function Subtasks({ task, isReadOnly }: { task: Task; isReadOnly: boolean }) {
  const { data: subtasks, isPending } = useQuery(subtasksQuery(task.key));
  const groups = groupSubtasks(subtasks ?? []);
  // An empty task still offers the field for its first item.
  const shown = groups.length > 0 ? groups : [{ name: null, items: [] }];
  const done = subtasks?.filter((subtask) => subtask.is_completed).length ?? 0;
  const total = subtasks?.length ?? 0;
  return (
    <section aria-labelledby="task-subtasks">
      <div className="mb-1 flex h-7 items-center gap-3">
        <h3 id="task-subtasks" className="font-semibold">
          Subtasks
        </h3>
        {total > 0 && (
          <>
            <span className="text-meta text-muted">
              {done} of {total}
            </span>
            <ProgressBar value={Math.floor((done / total) * 100)} label="Subtasks done" className="max-w-32 flex-1" />
          </>
        )}
      </div>
      {isPending && <Skeleton className="h-7 w-2/3" />}
      {!isPending &&
        shown.map(({ name, items }) => (
          <div key={name ?? ""} className="mb-3 last:mb-0">
            {name && <h4 className="mt-2 mb-0.5 text-meta font-medium text-muted">{name}</h4>}
            <ul>
              {items.map((subtask) => (
                <SubtaskRow key={subtask.id} taskKey={task.key} subtask={subtask} isReadOnly={isReadOnly} />
              ))}
            </ul>
            {!isReadOnly && <AddSubtask taskKey={task.key} group={name} />}
          </div>
        ))}
      {isReadOnly && total === 0 && !isPending && <p className="text-subtle">No subtasks.</p>}
    </section>
  );
}

interface SubtaskRowProps {
  taskKey: string;
  subtask: Subtask;
  isReadOnly: boolean;
}

function SubtaskRow({ taskKey, subtask, isReadOnly }: SubtaskRowProps) {
  const { mutate: change } = useChangeSubtask(taskKey);
  const { mutate: remove } = useDeleteSubtask(taskKey);
  return (
    <li className="group/row -mx-2 flex items-start rounded-control px-2 hover:bg-hover">
      <label className="flex min-h-7 min-w-0 flex-1 items-start gap-2.5 py-1 touch:min-h-11 touch:items-center">
        <input
          type="checkbox"
          className="mt-[3px] size-3.5 shrink-0 accent-accent touch:mt-0 touch:size-5"
          checked={subtask.is_completed}
          disabled={isReadOnly}
          onChange={(event) => change({ id: subtask.id, is_completed: event.target.checked })}
        />
        <span className={cx("[overflow-wrap:anywhere]", subtask.is_completed && "text-subtle line-through")}>
          {subtask.title}
        </span>
      </label>
      {subtask.assignee && <Avatar person={subtask.assignee} size="xs" className="mt-1" />}
      {!isReadOnly && (
        <IconButton
          label={`Delete ${subtask.title}`}
          onPress={() => remove(subtask.id)}
          className="opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 touch:opacity-100"
        >
          <Trash2 />
        </IconButton>
      )}
    </li>
  );
}

function AddSubtask({ taskKey, group }: { taskKey: string; group: string | null }) {
  const [title, setTitle] = useState("");
  const { mutate, isPending } = useAddSubtask(taskKey);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = title.trim();
    if (!wanted || isPending) return;
    setTitle("");
    mutate({ title: wanted, group }, { onError: () => setTitle((current) => current || wanted) });
  };
  return (
    <form onSubmit={submit} className="-mx-2 flex h-7 items-center gap-2 px-2 text-muted touch:h-11">
      <Plus aria-hidden className="size-3.5 shrink-0" />
      <input
        aria-label={group ? `Add a subtask to ${group}` : "Add a subtask"}
        placeholder="Add a subtask"
        maxLength={300}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        className="h-full min-w-0 flex-1 rounded-chip bg-transparent px-1 text-text"
      />
    </form>
  );
}
