import { useQuery } from "@tanstack/react-query";
import { ListFilter } from "lucide-react";
import { Button } from "~/components/ui/button";
import { Menu, MenuGroup, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { preferencesQuery } from "~/features/notifications/preferences";
import { groupTypes } from "~/features/notifications/types";

interface TypeMenuProps {
  chosen: readonly string[];
  onChange: (types: string[]) => void;
}

/** Narrows the list to types of notifications, by the names that the settings use. */
export default function TypeMenu({ chosen, onChange }: TypeMenuProps) {
  const { data: preferences } = useQuery(preferencesQuery);
  return (
    <MenuTrigger>
      <Button variant="ghost">
        <ListFilter aria-hidden /> Type
      </Button>
      <Menu aria-label="Type" className="max-h-[min(28rem,70vh)] w-60">
        {groupTypes(preferences?.types ?? {}).map(({ title, types }) => {
          const here = new Set(types.map(([type]) => type));
          return (
            <MenuGroup
              key={title}
              title={title}
              selectionMode="multiple"
              selectedKeys={chosen}
              onSelectionChange={(keys) => {
                const kept = chosen.filter((type) => !here.has(type));
                onChange([...kept, ...(keys === "all" ? here : [...keys].map(String).filter((key) => here.has(key)))]);
              }}
            >
              {types.map(([type, { label }]) => (
                <MenuItem key={type} id={type}>
                  {label}
                </MenuItem>
              ))}
            </MenuGroup>
          );
        })}
      </Menu>
    </MenuTrigger>
  );
}
