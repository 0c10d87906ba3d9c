import { useSuspenseQuery } from "@tanstack/react-query";
import { type ComponentType, useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { toastDone } from "~/components/ui/toast";
import { type BoardFilter, findTask, matchesFilter } from "~/features/board/board";
import { CardList, type CardListProps } from "~/features/board/card-list";
import { BoardColumn } from "~/features/board/column";
import { FilterBar, noFilter } from "~/features/board/filter-bar";
import { type Move, useMoveTask } from "~/features/board/mutations";
import { boardQuery } from "~/features/board/queries";
import { mayEditTasks } from "~/features/projects/roles";
import { STATUS_NAMES } from "~/features/tasks/status";
import { useOpenTask } from "~/features/tasks/use-open-task";
import type { Project } from "~/lib/types";
import { useShortcuts } from "~/lib/use-shortcuts";

const FOCUS_TRIES = 10;
const FOCUS_EVERY_MS = 30;

function cardOf(taskId: string): HTMLElement | null {
  return document.querySelector(`[data-board] [data-key="${CSS.escape(taskId)}"]`);
}

/** Give the focus back to a card after it moved into another column, once the list and the closing menu are done. */
function focusCard(taskId: string, triesLeft = FOCUS_TRIES): void {
  const card = cardOf(taskId);
  if (card && !card.contains(document.activeElement)) card.focus();
  if (triesLeft > 0) setTimeout(() => focusCard(taskId, triesLeft - 1), FOCUS_EVERY_MS);
}

/** Go from card to card, whatever column they are in. */
function focusNeighbour(step: 1 | -1): void {
  const cards = [...document.querySelectorAll<HTMLElement>("[data-board] [data-key]")];
  const index = cards.findIndex((card) => card.contains(document.activeElement));
  cards.at(index < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, index + step)))?.focus();
}

let loadedGrid: ComponentType<CardListProps> | undefined;

/** The grid is a third of a page's script and only needed once cards are moved: it comes after the page. */
function useCards(): ComponentType<CardListProps> {
  const [grid, setGrid] = useState(() => loadedGrid);
  useEffect(() => {
    if (grid) return;
    import("~/features/board/card-grid").then(({ default: loaded }) => {
      loadedGrid = loaded;
      const focused = document.activeElement?.closest<HTMLElement>("[data-board] [data-key]")?.dataset.key;
      setGrid(() => loaded);
      if (focused) focusCard(focused);
    });
  }, [grid]);
  return grid ?? CardList;
}

export function Board({ project }: { project: Project }) {
  const { data: board } = useSuspenseQuery(boardQuery(project.id));
  const { mutate } = useMoveTask(project.id);
  const [openKey, openTask] = useOpenTask();
  const [filter, setFilter] = useState<BoardFilter>(noFilter);
  const shown = useDeferredValue(filter);
  const cards = useCards();
  const canEdit = mayEditTasks(project);

  const move = useCallback(
    (change: Move, { isSilent = false } = {}) => {
      const task = findTask(board, change.taskId);
      mutate(change);
      if (task && task.status !== change.status && !isSilent) {
        toastDone(`${task.key} moved to ${STATUS_NAMES[change.status]}.`);
        focusCard(change.taskId);
      }
    },
    [board, mutate],
  );

  // An opened task is also seen on the board, beside its panel.
  const openId = openKey && board.columns.flatMap((column) => column.tasks).find((task) => task.key === openKey)?.id;
  useEffect(() => {
    if (openId) cardOf(openId)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [openId]);

  useShortcuts({ j: () => focusNeighbour(1), k: () => focusNeighbour(-1) });

  const columns = useMemo(
    () => board.columns.map((column) => ({ column, tasks: column.tasks.filter((task) => matchesFilter(task, shown)) })),
    [board, shown],
  );

  return (
    <>
      <FilterBar projectId={project.id} filter={filter} onChange={setFilter} />
      <div
        data-board
        className="flex min-h-0 flex-1 snap-x snap-mandatory gap-3 overflow-x-auto overscroll-x-contain p-4 pt-3 scroll-px-4 max-sm:gap-2 max-sm:p-2 max-sm:scroll-px-2 md:snap-none"
      >
        {columns.map(({ column, tasks }) => (
          <BoardColumn
            key={column.status}
            projectId={project.id}
            column={column}
            cards={cards}
            tasks={tasks}
            isFiltered={tasks.length < column.tasks.length}
            canEdit={canEdit}
            openKey={openKey}
            onOpen={openTask}
            onMove={move}
          />
        ))}
      </div>
    </>
  );
}
