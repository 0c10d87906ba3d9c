import { GripVertical, MoreHorizontal } from "lucide-react";
import { useState } from "react";
import {
  Button as AriaButton,
  DropIndicator,
  GridList,
  GridListItem,
  isTextDropItem,
  type Key,
  useDragAndDrop,
} from "react-aria-components";
import { IconButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { Menu, MenuTrigger } from "~/components/ui/menu";
import { type CardListProps, cardClass, listClass, NoCards } from "~/features/board/card-list";
import type { Move } from "~/features/board/mutations";
import { TaskCard } from "~/features/board/task-card";
import { STATUS_NAMES } from "~/features/tasks/status";
import { TaskMenuItems } from "~/features/tasks/task-actions";
import type { TaskSummary } from "~/lib/types";

const DRAG_TYPE = "application/x-synergy-task";

/** The cards of a column, to be moved with the mouse, the keyboard or their menus. */
export default function CardGrid({ status, tasks, isFiltered, canEdit, openKey, onOpen, onMove }: CardListProps) {
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
      renderEmptyState={() => <NoCards isFiltered={isFiltered} />}
      className={`${listClass} outline-none drop-target:bg-accent/8 drop-target:ring-2 drop-target:ring-accent/50 drop-target:ring-inset`}
    >
      {(task) => (
        <GridListItem id={task.id} textValue={`${task.key} ${task.title}`} className={cardClass(task.key === openKey)}>
          <TaskCard task={task} controls={canEdit && <CardControls task={task} onMove={onMove} />} />
        </GridListItem>
      )}
    </GridList>
  );
}

type DroppedItems = Parameters<NonNullable<Parameters<typeof useDragAndDrop>[0]["onRootDrop"]>>[0]["items"];

function textsOf(items: DroppedItems): Promise<string[]> {
  return Promise.all(items.filter(isTextDropItem).map((item) => item.getText(DRAG_TYPE)));
}

/** Quiet until the card is pointed at or has the focus; always there where nothing can be pointed. */
function CardControls({ task, onMove }: { task: TaskSummary; onMove: (move: Move) => void }) {
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
