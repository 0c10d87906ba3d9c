import { Link } from "react-router";
import { cx } from "~/components/ui/cx";
import type { Move } from "~/features/board/mutations";
import { TaskCard } from "~/features/board/task-card";
import type { Status, TaskSummary } from "~/lib/types";

export interface CardListProps {
  status: Status;
  tasks: readonly TaskSummary[];
  isFiltered: boolean;
  canEdit: boolean;
  openKey: string | null;
  onOpen: (taskKey: string) => void;
  onMove: (move: Move, options?: { isSilent?: boolean }) => void;
}

export const listClass = "flex min-h-16 flex-1 flex-col gap-2 rounded-control";

export function cardClass(isOpen: boolean): string {
  return cx(
    "group/card relative block rounded-card border bg-surface shadow-lift transition-[border-color,opacity] duration-100 hover:border-outline dragging:opacity-50 focus-visible:z-10",
    isOpen ? "border-accent" : "border-line",
  );
}

export function NoCards({ isFiltered }: { isFiltered: boolean }) {
  return (
    <p className="flex h-16 items-center justify-center text-meta text-subtle">
      {isFiltered ? "Nothing matches the filter." : "No tasks"}
    </p>
  );
}

/** The same cards as plain links: what the server renders, and what one sees until CardGrid has been loaded. */
export function CardList({ tasks, isFiltered, openKey }: CardListProps) {
  if (tasks.length === 0) return <NoCards isFiltered={isFiltered} />;
  return (
    <ul className={listClass}>
      {tasks.map((task) => (
        <li key={task.id}>
          <Link
            to={`?task=${task.key}`}
            data-key={task.id}
            preventScrollReset
            className={cardClass(task.key === openKey)}
          >
            <TaskCard task={task} />
          </Link>
        </li>
      ))}
    </ul>
  );
}
