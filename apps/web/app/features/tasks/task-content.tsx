import { useQuery } from "@tanstack/react-query";
import { Lock, SearchX } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { EmptyState, Skeleton } from "~/components/ui/states";
import { mayEditTasks } from "~/features/projects/roles";
import { Attachments, useFileDrop } from "~/features/tasks/attachments";
import { Comments } from "~/features/tasks/comments";
import { MarkdownEditor } from "~/features/tasks/markdown-editor";
import { useChangeTask } from "~/features/tasks/mutations";
import { AssigneePicker, DuePicker, LabelPicker, PriorityPicker, StatusPicker } from "~/features/tasks/pickers";
import { taskQuery } from "~/features/tasks/queries";
import { StatusIcon } from "~/features/tasks/status";
import { Subtasks } from "~/features/tasks/subtasks";
import { ApiError } from "~/lib/api";
import type { Project, Task } from "~/lib/types";

/** Everything about one task, in one column. */
export default function TaskContent({ taskKey, project }: { taskKey: string; project: Project }) {
  const { data: task, error, refetch } = useQuery(taskQuery(taskKey));
  if (error && !task) {
    const isGone = error instanceof ApiError && error.status === 404;
    return (
      <EmptyState
        icon={<SearchX />}
        title={isGone ? "This task is not here" : "The task could not be loaded"}
        action={!isGone && <Button onPress={() => refetch()}>Try again</Button>}
      >
        {isGone ? "It was deleted, or it is not shared with you." : error.message}
      </EmptyState>
    );
  }
  if (!task) return <TaskSkeleton />;
  return <LoadedTask task={task} isReadOnly={!mayEditTasks(project)} />;
}

function LoadedTask({ task, isReadOnly }: { task: Task; isReadOnly: boolean }) {
  const { mutate: change } = useChangeTask(task.key);
  const { isOver, dropProps } = useFileDrop(task.key, isReadOnly);
  return (
    <div
      {...dropProps}
      className={cx(
        "flex min-h-0 flex-1 flex-col overflow-y-auto scrollbar-thin",
        isOver && "outline-2 -outline-offset-2 outline-accent outline-dashed",
      )}
    >
      <div className="flex flex-col gap-5 p-4">
        {!isReadOnly && <h2 className="sr-only">{task.title}</h2>}
        <Title key={task.title} task={task} isReadOnly={isReadOnly} onSave={(title) => change({ title })} />
        {task.blocked_by.length > 0 && <Blockers tasks={task.blocked_by} />}
        <dl className="grid grid-cols-[5.5rem_1fr] items-start gap-y-0.5">
          <Property name="Status">
            <StatusPicker value={task.status} isReadOnly={isReadOnly} onChange={(status) => change({ status })} />
          </Property>
          <Property name="Priority">
            <PriorityPicker
              value={task.priority}
              isReadOnly={isReadOnly}
              onChange={(priority) => change({ priority })}
            />
          </Property>
          <Property name="Assignees">
            <AssigneePicker
              projectId={task.project_id}
              value={task.assignees}
              isReadOnly={isReadOnly}
              onChange={(assignees) => change({ assignees })}
            />
          </Property>
          <Property name="Labels">
            <LabelPicker
              projectId={task.project_id}
              value={task.labels}
              isReadOnly={isReadOnly}
              onChange={(labels) => change({ labels })}
            />
          </Property>
          <Property name="Due">
            <DuePicker value={task.due_date} isReadOnly={isReadOnly} onChange={(due_date) => change({ due_date })} />
          </Property>
        </dl>
        <Description task={task} isReadOnly={isReadOnly} onSave={(description) => change({ description })} />
        <Subtasks task={task} isReadOnly={isReadOnly} />
        <Attachments task={task} isReadOnly={isReadOnly} />
        <p className="text-meta text-subtle">
          {task.reporter ? `Created by ${task.reporter.name} ` : "Created "}
          <TimeAgo iso={task.created_at} />
          {", changed "}
          <TimeAgo iso={task.updated_at} />
        </p>
      </div>
      <Comments taskKey={task.key} projectId={task.project_id} isReadOnly={isReadOnly} />
    </div>
  );
}

function Property({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="flex h-7 items-center text-meta text-subtle touch:h-11">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

interface EditorProps {
  task: Task;
  isReadOnly: boolean;
  onSave: (text: string) => void;
}

function Title({ task, isReadOnly, onSave }: EditorProps) {
  const [draft, setDraft] = useState(task.title);
  const save = () => {
    const title = draft.trim();
    if (title && title !== task.title) onSave(title);
    else setDraft(task.title);
  };
  if (isReadOnly) return <h2 className="text-heading font-semibold [overflow-wrap:anywhere]">{task.title}</h2>;
  return (
    <textarea
      aria-label="Title"
      rows={1}
      maxLength={200}
      value={draft}
      onChange={(event) => setDraft(event.target.value.replace(/\n/g, " "))}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.nativeEvent.isComposing) {
          event.preventDefault();
          event.currentTarget.blur();
        } else if (event.key === "Escape") {
          event.preventDefault();
          setDraft(task.title);
        }
      }}
      className="-mx-2 -my-1 field-sizing-content min-w-0 resize-none rounded-control bg-transparent px-2 py-1 text-heading font-semibold hover:bg-hover focus:bg-transparent touch:text-heading"
    />
  );
}

function Description({ task, isReadOnly, onSave }: EditorProps) {
  const [isEditing, setEditing] = useState(false);
  return (
    <section aria-labelledby="task-description">
      <div className="mb-1 flex h-7 items-center justify-between">
        <h3 id="task-description" className="font-semibold">
          Description
        </h3>
        {!isReadOnly && !isEditing && (
          <Button variant="ghost" onPress={() => setEditing(true)}>
            {task.description ? "Edit" : "Add"}
            <span className="sr-only"> the description</span>
          </Button>
        )}
      </div>
      {isEditing ? (
        <MarkdownEditor
          label="Description"
          initial={task.description}
          maxLength={100_000}
          action="Save"
          mayBeEmpty
          onCancel={() => setEditing(false)}
          onSubmit={(text) => {
            setEditing(false);
            if (text !== task.description) onSave(text);
          }}
        />
      ) : task.description ? (
        // The API renders Markdown and sanitises the result; nothing else is ever put in here.
        // biome-ignore lint/security/noDangerouslySetInnerHtml: see above
        <div className="prose" dangerouslySetInnerHTML={{ __html: task.description_html }} />
      ) : (
        <p className="text-subtle">No description.</p>
      )}
    </section>
  );
}

function Blockers({ tasks }: { tasks: Task["blocked_by"] }) {
  return (
    <section aria-label="Blocked by" className="rounded-control border border-warn/40 bg-warn/8 px-3 py-2">
      <p className="flex items-center gap-1.5 font-medium text-warn">
        <Lock aria-hidden className="size-4" /> Blocked by
      </p>
      <ul className="mt-1">
        {tasks.map((task) => (
          <li key={task.id}>
            <Link to={`?task=${task.key}`} className="flex h-7 items-center gap-2 rounded-chip hover:underline">
              <StatusIcon status={task.status} />
              <span className="text-muted">{task.key}</span>
              <span className="truncate">{task.title}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function TaskSkeleton() {
  return (
    <div role="status" className="flex flex-col gap-4 p-4">
      <span className="sr-only">Loading the task</span>
      <Skeleton className="h-6 w-3/4" />
      {[1, 2, 3, 4, 5].map((row) => (
        <Skeleton key={row} className="h-5 w-1/2" />
      ))}
      <Skeleton className="mt-2 h-24 w-full" />
    </div>
  );
}
