import { useQuery } from "@tanstack/react-query";
import { ListFilter, Search, X } from "lucide-react";
import { Avatar } from "~/components/ui/avatar";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { Menu, MenuGroup, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { type BoardFilter, NOBODY } from "~/features/board/board";
import { labelsQuery, membersQuery } from "~/features/projects/queries";
import { PRIORITIES, PRIORITY_NAMES, PriorityIcon } from "~/features/tasks/status";

export const noFilter: BoardFilter = {
  text: "",
  assignees: new Set(),
  labels: new Set(),
  priorities: new Set(),
};

type Kind = "assignees" | "labels" | "priorities";

interface FilterBarProps {
  projectId: string;
  filter: BoardFilter;
  onChange: (filter: BoardFilter) => void;
}

/** Narrows the board to what one looks for: by text, and by people, labels and priorities. */
export function FilterBar({ projectId, filter, onChange }: FilterBarProps) {
  const { data: members = [] } = useQuery(membersQuery(projectId));
  const { data: labels = [] } = useQuery(labelsQuery(projectId));
  const select = (kind: Kind) => ({
    selectionMode: "multiple" as const,
    selectedKeys: filter[kind],
    onSelectionChange: (keys: "all" | Iterable<string | number>) =>
      onChange({ ...filter, [kind]: new Set([...(keys === "all" ? [] : keys)].map(String)) }),
  });
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
      <MenuTrigger>
        <Button variant="ghost">
          <ListFilter aria-hidden /> Filter
        </Button>
        <Menu aria-label="Filter" className="max-h-[min(28rem,70vh)] w-56">
          <MenuGroup title="Assignee" {...select("assignees")}>
            <MenuItem id={NOBODY}>Nobody</MenuItem>
            {members.map(({ user }) => (
              <MenuItem key={user.id} id={user.id} textValue={user.name} icon={<Avatar person={user} size="xs" />}>
                {user.name}
              </MenuItem>
            ))}
          </MenuGroup>
          <MenuGroup title="Priority" {...select("priorities")}>
            {PRIORITIES.map((priority) => (
              <MenuItem key={priority} id={priority} icon={<PriorityIcon priority={priority} />}>
                {PRIORITY_NAMES[priority]}
              </MenuItem>
            ))}
          </MenuGroup>
          {labels.length > 0 && (
            <MenuGroup title="Label" {...select("labels")}>
              {labels.map((label) => (
                <MenuItem
                  key={label.id}
                  id={label.id}
                  textValue={label.name}
                  icon={<span className="m-1 size-2.5 rounded-full" style={{ backgroundColor: label.color }} />}
                >
                  {label.name}
                </MenuItem>
              ))}
            </MenuGroup>
          )}
        </Menu>
      </MenuTrigger>
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
