import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { memo, useState } from "react";
import { DropIndicator, GridList, GridListItem, isTextDropItem, type Key, useDragAndDrop } from "react-aria-components";
import { Button, IconButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { toastError } from "~/components/ui/toast";
import type { Move } from "~/features/board/mutations";
import { loadMore } from "~/features/board/queries";
import { QuickAdd } from "~/features/board/quick-add";
import { TaskCard } from "~/features/board/task-card";
import { STATUS_NAMES, StatusIcon } from "~/features/tasks/status";
import { plural } from "~/lib/format";
import type { Column, TaskSummary } from "~/lib/types";

const DRAG_TYPE = "application/x-synergy-task";

interface BoardColumnProps {
  projectId: string;
  column: Column;
  /** Those of the column that the filter lets through. */
  tasks: readonly TaskSummary[];
  isFiltered: boolean;
  canEdit: boolean;
  openKey: string | null;
  onOpen: (taskKey: string) => void;
  onMove: (move: Move, options?: { isSilent?: boolean }) => void;
}

export const BoardColumn = memo(function BoardColumn(props: BoardColumnProps) {
  const { projectId, column, tasks, isFiltered, canEdit, openKey, onOpen, onMove } = props;
  const { status } = column;
  const [isAdding, setAdding] = useState(false);
  const byId = new Map(tasks.map((task) => [task.id, task]));

  const drop = (taskIds: Iterable<string>, place: Omit<Move, "taskId" | "status"> = {}) => {
    // Several cards keep their order: each goes behind the one before it.
    let next = place;
    for (const taskId of taskIds) {
      if (taskId !== next.before && taskId !== next.after) onMove({ taskId, status, ...next }, { isSilent: true });
      next = { after: taskId };
    }
  };
  const beside = (target: { key: Key; dropPosition: "before" | "after" | "on" }) =>
    target.dropPosition === "before" ? { before: String(target.key) } : { after: String(target.key) };

  const { dragAndDropHooks } = useDragAndDrop<TaskSummary>({
    isDisabled: !canEdit,
    getItems: (keys) =>
      [...keys].map((key) => {
        const task = byId.get(String(key));
        return { [DRAG_TYPE]: String(key), "text/plain": task ? `${task.key} ${task.title}` : String(key) };
      }),
    acceptedDragTypes: [DRAG_TYPE],
    getDropOperation: () => "move",
    onReorder: ({ keys, target }) => drop([...keys].map(String), beside(target)),
    onInsert: async ({ items, target }) => drop(await textsOf(items), beside(target)),
    onRootDrop: async ({ items }) => drop(await textsOf(items)),
    renderDropIndicator: (target) => (
      <DropIndicator
        target={target}
        className={({ isDropTarget }) =>
          cx(
            "relative z-10 -my-1 h-2 outline-none",
            isDropTarget &&
              "before:absolute before:inset-x-0 before:top-[3px] before:h-0.5 before:rounded-full before:bg-accent",
          )
        }
      />
    ),
  });

  return (
    <section
      aria-label={`${STATUS_NAMES[status]}, ${plural(column.total, "task")}`}
      className="flex max-h-full w-75 shrink-0 snap-start flex-col rounded-card bg-sunken max-sm:w-[calc(100vw-2.75rem)] lg:min-w-70 lg:max-w-90 lg:flex-1"
    >
      <header className="flex h-10 shrink-0 items-center gap-2 ps-3 pe-1.5 touch:h-12">
        <StatusIcon status={status} />
        <h2 className="font-medium">{STATUS_NAMES[status]}</h2>
        <span className="text-meta text-subtle">
          {isFiltered ? `${tasks.length} of ${column.total}` : column.total}
        </span>
        <span className="flex-1" />
        {canEdit && (
          <IconButton label={`Add a task to ${STATUS_NAMES[status]}`} onPress={() => setAdding(true)}>
            <Plus />
          </IconButton>
        )}
      </header>
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto overscroll-y-contain px-2 pb-2 scrollbar-thin">
        <GridList
          aria-label={STATUS_NAMES[status]}
          items={tasks}
          dependencies={[openKey, canEdit]}
          disallowTypeAhead
          selectionMode="none"
          dragAndDropHooks={dragAndDropHooks}
          onAction={(key) => {
            const task = byId.get(String(key));
            if (task) onOpen(task.key);
          }}
          renderEmptyState={() => (
            <p className="flex h-16 items-center justify-center text-meta text-subtle">
              {isFiltered ? "Nothing matches the filter." : "No tasks"}
            </p>
          )}
          className="flex min-h-16 flex-1 flex-col gap-2 rounded-control outline-none drop-target:bg-accent/8 drop-target:ring-2 drop-target:ring-accent/50 drop-target:ring-inset"
        >
          {(task) => (
            <GridListItem
              id={task.id}
              textValue={`${task.key} ${task.title}`}
              className={cx(
                "group/card relative rounded-card border bg-surface shadow-lift transition-[border-color,opacity] duration-100 hovered:border-outline dragging:opacity-50 focus-visible:z-10",
                task.key === openKey ? "border-accent" : "border-line",
              )}
            >
              <TaskCard task={task} canEdit={canEdit} onMove={onMove} />
            </GridListItem>
          )}
        </GridList>
        {column.next_cursor && <LoadMore projectId={projectId} column={column} />}
        {isAdding && <QuickAdd projectId={projectId} status={status} onClose={() => setAdding(false)} />}
      </div>
      {canEdit && !isAdding && (
        <button
          type="button"
          onClick={() => setAdding(true)}
          className="m-1.5 mt-0 flex h-8 shrink-0 items-center gap-1.5 rounded-control px-2 text-muted hover:bg-hover hover:text-text touch:h-11"
        >
          <Plus aria-hidden className="size-4" /> Add task
        </button>
      )}
    </section>
  );
});

type DroppedItems = Parameters<NonNullable<Parameters<typeof useDragAndDrop>[0]["onRootDrop"]>>[0]["items"];

function textsOf(items: DroppedItems): Promise<string[]> {
  return Promise.all(items.filter(isTextDropItem).map((item) => item.getText(DRAG_TYPE)));
}

function LoadMore({ projectId, column }: { projectId: string; column: Column }) {
  const client = useQueryClient();
  const [isLoading, setLoading] = useState(false);
  const load = () => {
    setLoading(true);
    loadMore(client, projectId, column)
      .catch((error) => toastError("The next tasks could not be loaded.", error, load))
      .finally(() => setLoading(false));
  };
  return (
    <Button variant="ghost" className="mt-2 w-full" isPending={isLoading} onPress={load}>
      {isLoading ? "Loading…" : `Show more of ${column.total}`}
    </Button>
  );
}
