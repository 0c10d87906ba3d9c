import type { UserSummary } from "@synergy/client";
import { useQuery } from "@tanstack/react-query";
import { Check } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Avatar } from "~/components/ui/avatar";
import { TextField } from "~/components/ui/field";
import { usersQuery } from "~/features/identity/queries";

interface PersonPickerProps {
  label: string;
  chosen: UserSummary | undefined;
  /** Who cannot be chosen. */
  without: string;
  onChoose: (person: UserSummary) => void;
}

/** Finds one person by a part of their name. */
export function PersonPicker({ label, chosen, without, onChoose }: PersonPickerProps) {
  const [text, setText] = useState("");
  const { data: users, isPending } = useQuery(usersQuery(useDeferredValue(text.trim())));
  const shown = users?.items.filter((user) => user.id !== without && user.is_active) ?? [];
  return (
    <div className="flex flex-col gap-2">
      <TextField
        label={label}
        placeholder="Name or username"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <ul
        aria-label="People"
        className="max-h-48 overflow-y-auto rounded-control border border-line p-1 scrollbar-thin"
      >
        {shown.map((user) => (
          <li key={user.id}>
            <button
              type="button"
              aria-pressed={user.id === chosen?.id}
              onClick={() => onChoose(user)}
              className="flex w-full items-center gap-2 rounded-chip px-2 py-1 text-start hover:bg-hover focus-visible:bg-hover aria-pressed:bg-press touch:min-h-11"
            >
              <Avatar person={user} />
              <span className="min-w-0 flex-1 truncate">
                {user.name} <span className="text-subtle">@{user.username}</span>
              </span>
              {user.id === chosen?.id && <Check aria-hidden className="size-4 text-accent" />}
            </button>
          </li>
        ))}
        {!shown.length && !isPending && <li className="px-2 py-2 text-meta text-subtle">Nobody found.</li>}
      </ul>
    </div>
  );
}
