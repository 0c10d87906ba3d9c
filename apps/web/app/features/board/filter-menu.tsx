import { ListFilter } from "lucide-react";
import { Avatar } from "~/components/ui/avatar";
import { Button } from "~/components/ui/button";
import { Menu, MenuGroup, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { type BoardFilter, NOBODY } from "~/features/board/board";
import { PRIORITIES, PRIORITY_NAMES, PriorityIcon } from "~/features/tasks/status";
import type { Label, Member } from "~/lib/types";

interface FilterMenuProps {
  members: readonly Member[];
  labels: readonly Label[];
  filter: BoardFilter;
  onChange: (filter: BoardFilter) => void;
}

export default function FilterMenu({ members, labels, filter, onChange }: FilterMenuProps) {
  const select = (kind: Exclude<keyof BoardFilter, "text">) => ({
    selectionMode: "multiple" as const,
    selectedKeys: filter[kind],
    onSelectionChange: (keys: "all" | Iterable<string | number>) =>
      onChange({ ...filter, [kind]: new Set([...(keys === "all" ? [] : keys)].map(String)) }),
  });
  return (
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
  );
}
