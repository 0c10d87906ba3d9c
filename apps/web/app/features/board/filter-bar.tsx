import { useQuery } from "@tanstack/react-query";
import { Search, X } from "lucide-react";
import { lazy, Suspense } from "react";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { type BoardFilter, NOBODY } from "~/features/board/board";
import { labelsQuery, membersQuery } from "~/features/projects/queries";
import { PRIORITIES, PRIORITY_NAMES } from "~/features/tasks/status";

const FilterMenu = lazy(() => import("~/features/board/filter-menu"));

export const noFilter: BoardFilter = {
  text: "",
  assignees: new Set(),
  labels: new Set(),
  priorities: new Set(),
};

type Kind = Exclude<keyof BoardFilter, "text">;

interface FilterBarProps {
  projectId: string;
  filter: BoardFilter;
  onChange: (filter: BoardFilter) => void;
}

/** Narrows the board to what one looks for: by text, and by people, labels and priorities. */
export function FilterBar({ projectId, filter, onChange }: FilterBarProps) {
  const { data: members = [] } = useQuery(membersQuery(projectId));
  const { data: labels = [] } = useQuery(labelsQuery(projectId));
  const names = new Map<string, string>([
    [NOBODY, "Nobody"],
    ...members.map(({ user }) => [user.id, user.name] as const),
    ...labels.map((label) => [label.id, label.name] as const),
    ...PRIORITIES.map((priority) => [priority as string, PRIORITY_NAMES[priority]] as const),
  ]);
  const chips = (["assignees", "labels", "priorities"] as const).flatMap((kind) =>
    [...filter[kind]].map((id) => ({ kind, id })),
  );
  const remove = (kind: Kind, id: string) =>
    onChange({ ...filter, [kind]: new Set([...filter[kind]].filter((other) => other !== id)) });

  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 px-4 pt-3 max-sm:px-2">
      <div className="relative">
        <Search aria-hidden className="absolute start-2 top-1/2 size-3.5 -translate-y-1/2 text-subtle" />
        <input
          type="search"
          aria-label="Filter tasks by text"
          placeholder="Filter…"
          value={filter.text}
          onChange={(event) => onChange({ ...filter, text: event.target.value })}
          className="h-7 w-40 rounded-control border border-outline bg-surface ps-7 pe-2 focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent touch:h-11"
        />
      </div>
      <Suspense fallback={<span className="h-7 w-18 touch:h-11" />}>
        <FilterMenu members={members} labels={labels} filter={filter} onChange={onChange} />
      </Suspense>
      {chips.map(({ kind, id }) => (
        <button
          key={`${kind}-${id}`}
          type="button"
          onClick={() => remove(kind, id)}
          className="flex h-7 items-center gap-1 rounded-control border border-line bg-surface ps-2 pe-1.5 text-meta hover:bg-hover touch:h-11"
        >
          {names.get(id) ?? id}
          <X aria-hidden className="size-3.5 text-subtle" />
          <span className="sr-only">(remove this filter)</span>
        </button>
      ))}
      {(chips.length > 0 || filter.text) && (
        <Button variant="ghost" onPress={() => onChange(noFilter)} className={cx(chips.length === 0 && "text-subtle")}>
          Clear
        </Button>
      )}
    </div>
  );
}
