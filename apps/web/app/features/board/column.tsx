import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ComponentType, memo, useState } from "react";
import { Button, IconButton } from "~/components/ui/button";
import { toastError } from "~/components/ui/toast";
import type { CardListProps } from "~/features/board/card-list";
import { loadMore } from "~/features/board/queries";
import { QuickAdd } from "~/features/board/quick-add";
import { STATUS_NAMES, StatusIcon } from "~/features/tasks/status";
import { plural } from "~/lib/format";
import type { Column } from "~/lib/types";

interface BoardColumnProps extends Omit<CardListProps, "status"> {
  projectId: string;
  column: Column;
  /** How the cards are shown: as links at first, then as a grid whose cards can be moved. */
  cards: ComponentType<CardListProps>;
}

export const BoardColumn = memo(function BoardColumn(props: BoardColumnProps) {
  const { projectId, column, cards: Cards, tasks, isFiltered, canEdit, openKey, onOpen, onMove } = props;
  const { status } = column;
  const [isAdding, setAdding] = useState(false);
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
        <Cards {...{ status, tasks, isFiltered, canEdit, openKey, onOpen, onMove }} />
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
