import { useQuery } from "@tanstack/react-query";
import { Plus, UserPlus } from "lucide-react";
import { useDeferredValue, useRef, useState } from "react";
import { Avatar } from "~/components/ui/avatar";
import { Button } from "~/components/ui/button";
import { inputClass, Select } from "~/components/ui/field";
import { Popover, PopoverTrigger } from "~/components/ui/popover";
import { toastDone } from "~/components/ui/toast";
import { usersQuery } from "~/features/identity/queries";
import { useAddMember } from "~/features/projects/mutations";
import { grantableRoles, ROLE_NAMES } from "~/features/projects/roles";
import type { GrantableRole, Member, Project } from "~/lib/types";

interface AddMemberProps {
  project: Project;
  members: readonly Member[];
}

/** Find somebody by name and add them with a role. */
export default function AddMember(props: AddMemberProps) {
  return (
    <PopoverTrigger>
      <Button variant="primary">
        <UserPlus aria-hidden /> Add member
      </Button>
      <Popover label="Add a member" placement="bottom end" className="w-80">
        <FoundPeople {...props} />
      </Popover>
    </PopoverTrigger>
  );
}

function FoundPeople({ project, members }: AddMemberProps) {
  const [text, setText] = useState("");
  const [role, setRole] = useState<GrantableRole>("member");
  const { data: users, isPending } = useQuery(usersQuery(useDeferredValue(text.trim())));
  const { mutate: add, isPending: isAdding } = useAddMember(project.id);
  const field = useRef<HTMLInputElement>(null);
  const known = new Set(members.map((member) => member.user.id));
  const shown = users?.items.filter((user) => !known.has(user.id)) ?? [];
  return (
    <>
      <div className="flex gap-1.5 border-b border-line p-2">
        <input
          ref={field}
          // biome-ignore lint/a11y/noAutofocus: the popover was opened to type here
          autoFocus
          aria-label="Find people"
          placeholder="Name or username"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className={`${inputClass} h-7 min-w-0 flex-1 px-2 touch:h-11`}
        />
        <Select aria-label="Role" value={role} onChange={(event) => setRole(event.target.value as GrantableRole)}>
          {grantableRoles(project).map((choice) => (
            <option key={choice} value={choice}>
              {ROLE_NAMES[choice]}
            </option>
          ))}
        </Select>
      </div>
      <ul aria-label="People" className="max-h-72 overflow-y-auto p-1 scrollbar-thin">
        {shown.map((user) => (
          <li key={user.id}>
            <button
              type="button"
              disabled={isAdding}
              onClick={() => {
                // Their row goes away, and the focus would go with it.
                field.current?.focus();
                add(
                  { user_id: user.id, role },
                  { onSuccess: () => toastDone(`${user.name} is now a ${ROLE_NAMES[role].toLowerCase()}.`) },
                );
              }}
              className="flex w-full items-center gap-2 rounded-chip px-2 py-1 text-start hover:bg-hover focus-visible:bg-hover touch:min-h-11"
            >
              <Avatar person={user} />
              <span className="min-w-0 flex-1 leading-4">
                <span className="block truncate">{user.name}</span>
                <span className="block truncate text-meta text-subtle">@{user.username}</span>
              </span>
              <Plus aria-hidden className="size-4 text-muted" />
              <span className="sr-only">Add</span>
            </button>
          </li>
        ))}
        {shown.length === 0 && !isPending && (
          <li className="px-2 py-3 text-center text-meta text-subtle">
            Nobody found. You see the people of your own projects here.
          </li>
        )}
      </ul>
    </>
  );
}
