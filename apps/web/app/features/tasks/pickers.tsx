import { useQuery } from "@tanstack/react-query";
import { CalendarDays, Plus, UserRound } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button as AriaButton } from "react-aria-components";
import { Avatar } from "~/components/ui/avatar";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { inputClass } from "~/components/ui/field";
import { Menu, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { Popover, PopoverTrigger } from "~/components/ui/popover";
import { STATUSES } from "~/features/board/board";
import { useCreateLabel } from "~/features/projects/mutations";
import { labelsQuery, membersQuery } from "~/features/projects/queries";
import { useToday } from "~/features/tasks/due-date";
import { LabelChip, PRIORITIES, PRIORITY_NAMES, PriorityIcon, STATUS_NAMES, StatusIcon } from "~/features/tasks/status";
import { addDays, formatDate } from "~/lib/format";
import type { Label, Person, Priority, Status } from "~/lib/types";

const valueClass =
  "flex min-h-7 w-full items-center gap-2 rounded-control px-2 py-1 text-start text-ui hovered:bg-hover pressed:bg-press aria-expanded:bg-hover inactive:opacity-100 touch:min-h-11";

interface PickerProps<T> {
  value: T;
  isReadOnly?: boolean;
  onChange: (value: T) => void;
}

export function StatusPicker({ value, isReadOnly, onChange }: PickerProps<Status>) {
  return (
    <MenuTrigger>
      <AriaButton data-picker="status" isDisabled={isReadOnly} className={valueClass}>
        <StatusIcon status={value} />
        <span>
          <span className="sr-only">Status: </span>
          {STATUS_NAMES[value]}
        </span>
      </AriaButton>
      <Menu
        aria-label="Status"
        selectionMode="single"
        selectedKeys={[value]}
        onAction={(key) => key !== value && onChange(key as Status)}
      >
        {STATUSES.map((status) => (
          <MenuItem key={status} id={status} icon={<StatusIcon status={status} />}>
            {STATUS_NAMES[status]}
          </MenuItem>
        ))}
      </Menu>
    </MenuTrigger>
  );
}

export function PriorityPicker({ value, isReadOnly, onChange }: PickerProps<Priority>) {
  return (
    <MenuTrigger>
      <AriaButton isDisabled={isReadOnly} className={valueClass}>
        <PriorityIcon priority={value} />
        <span>
          <span className="sr-only">Priority: </span>
          {PRIORITY_NAMES[value]}
        </span>
      </AriaButton>
      <Menu
        aria-label="Priority"
        selectionMode="single"
        selectedKeys={[value]}
        onAction={(key) => key !== value && onChange(key as Priority)}
      >
        {PRIORITIES.map((priority) => (
          <MenuItem key={priority} id={priority} icon={<PriorityIcon priority={priority} />}>
            {PRIORITY_NAMES[priority]}
          </MenuItem>
        ))}
      </Menu>
    </MenuTrigger>
  );
}

interface ManyProps<T> extends PickerProps<T[]> {
  projectId: string;
}

interface ChoiceListProps<T extends { id: string }> {
  label: string;
  options: readonly T[];
  textOf: (option: T) => string;
  chosen: readonly T[];
  onChange: (chosen: T[]) => void;
  children: (option: T) => ReactNode;
  /** What to offer for a text that nothing matches. */
  footer?: (text: string, clear: () => void) => ReactNode;
}

/** A filter field over a list of checkboxes; every change is saved at once. */
function ChoiceList<T extends { id: string }>({
  label,
  options,
  textOf,
  chosen,
  onChange,
  children,
  footer,
}: ChoiceListProps<T>) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = options.filter((option) => textOf(option).toLowerCase().includes(wanted));
  const ids = new Set(chosen.map((option) => option.id));
  return (
    <>
      <div className="border-b border-line p-1.5">
        <input
          // biome-ignore lint/a11y/noAutofocus: the popover was opened to type here
          autoFocus
          aria-label={`Filter ${label.toLowerCase()}`}
          placeholder={`Filter ${label.toLowerCase()}…`}
          value={text}
          onChange={(event) => setText(event.target.value)}
          className={cx(inputClass, "h-7 px-2 touch:h-11")}
        />
      </div>
      <fieldset className="max-h-64 min-h-0 overflow-y-auto p-1 scrollbar-thin">
        <legend className="sr-only">{label}</legend>
        {shown.map((option) => (
          <label
            key={option.id}
            className="flex min-h-7 items-center gap-2 rounded-chip px-2 hover:bg-hover has-focus-visible:bg-hover touch:min-h-11"
          >
            <input
              type="checkbox"
              className="size-3.5 accent-accent"
              checked={ids.has(option.id)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, option] : chosen.filter((other) => other.id !== option.id))
              }
            />
            {children(option)}
          </label>
        ))}
        {shown.length === 0 && <p className="px-2 py-1.5 text-meta text-subtle">Nothing matches.</p>}
      </fieldset>
      {footer?.(text.trim(), () => setText(""))}
    </>
  );
}

export function AssigneePicker({ projectId, value, isReadOnly, onChange }: ManyProps<Person>) {
  return (
    <PopoverTrigger>
      <AriaButton data-picker="assignees" isDisabled={isReadOnly} className={cx(valueClass, "flex-wrap gap-y-1")}>
        <span className="sr-only">Assignees:</span>
        {value.map((person) => (
          <span key={person.id} className="flex items-center gap-1.5 pe-1">
            <Avatar person={person} size="xs" />
            {person.name}
          </span>
        ))}
        {value.length === 0 && (
          <span className="flex items-center gap-2 text-subtle">
            <UserRound aria-hidden className="size-4" />
            Nobody
          </span>
        )}
      </AriaButton>
      <Popover label="Assignees" className="w-64">
        <AssigneeChoices projectId={projectId} value={value} onChange={onChange} />
      </Popover>
    </PopoverTrigger>
  );
}

function AssigneeChoices({ projectId, value, onChange }: ManyProps<Person>) {
  const { data: members = [] } = useQuery(membersQuery(projectId));
  return (
    <ChoiceList
      label="People"
      options={members.map((member) => member.user)}
      textOf={(person) => `${person.name} ${person.username}`}
      chosen={value}
      onChange={onChange}
    >
      {(person) => (
        <>
          <Avatar person={person} size="xs" />
          <span className="truncate">{person.name}</span>
        </>
      )}
    </ChoiceList>
  );
}

const LABEL_COLORS = ["#4f52d9", "#0b68cb", "#18794e", "#946200", "#c2410c", "#c62a2f", "#a21caf", "#5b5d68"];

export function LabelPicker({ projectId, value, isReadOnly, onChange }: ManyProps<Label>) {
  return (
    <PopoverTrigger>
      <AriaButton isDisabled={isReadOnly} className={cx(valueClass, "flex-wrap gap-1")}>
        <span className="sr-only">Labels:</span>
        {value.map((label) => (
          <LabelChip key={label.id} label={label} />
        ))}
        {value.length === 0 && <span className="text-subtle">No labels</span>}
      </AriaButton>
      <Popover label="Labels" className="w-64">
        <LabelChoices projectId={projectId} value={value} onChange={onChange} />
      </Popover>
    </PopoverTrigger>
  );
}

function LabelChoices({ projectId, value, onChange }: ManyProps<Label>) {
  const { data: labels = [] } = useQuery(labelsQuery(projectId));
  const create = useCreateLabel(projectId);
  return (
    <ChoiceList
      label="Labels"
      options={labels}
      textOf={(label) => label.name}
      chosen={value}
      onChange={onChange}
      footer={(text, clear) =>
        text &&
        !labels.some((label) => label.name.toLowerCase() === text.toLowerCase()) && (
          <div className="border-t border-line p-1">
            <Button
              variant="ghost"
              className="w-full justify-start"
              isPending={create.isPending}
              onPress={() =>
                create.mutate(
                  { name: text, color: LABEL_COLORS[labels.length % LABEL_COLORS.length] ?? "#5b5d68" },
                  {
                    onSuccess: (label) => {
                      onChange([...value, label]);
                      clear();
                    },
                  },
                )
              }
            >
              <Plus aria-hidden /> Create “{text}”
            </Button>
          </div>
        )
      }
    >
      {(label) => (
        <>
          <span aria-hidden className="size-2.5 rounded-full" style={{ backgroundColor: label.color }} />
          <span className="truncate">{label.name}</span>
        </>
      )}
    </ChoiceList>
  );
}

export function DuePicker({ value, isReadOnly, onChange }: PickerProps<string | null>) {
  return (
    <PopoverTrigger>
      <AriaButton isDisabled={isReadOnly} className={valueClass}>
        <span className="sr-only">Due date:</span>
        <CalendarDays aria-hidden className={cx("size-4", value ? "text-muted" : "text-subtle")} />
        {value ? formatDate(value) : <span className="text-subtle">No date</span>}
      </AriaButton>
      <Popover label="Due date" className="w-56">
        {({ close }) => (
          <DueChoices
            value={value}
            onChange={(date) => {
              close();
              if (date !== value) onChange(date);
            }}
          />
        )}
      </Popover>
    </PopoverTrigger>
  );
}

function DueChoices({ value, onChange }: Omit<PickerProps<string | null>, "isReadOnly">) {
  const today = useToday();
  const [draft, setDraft] = useState(value ?? "");
  const choices = [
    ["Today", today],
    ["Tomorrow", addDays(today, 1)],
    ["In a week", addDays(today, 7)],
  ] as const;
  return (
    <form
      className="flex flex-col gap-0.5 p-1.5"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(draft || null);
      }}
    >
      <div className="mb-1 flex gap-1.5">
        <input
          type="date"
          aria-label="Date"
          min="1970-01-01"
          max="9999-12-31"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          className={cx(inputClass, "h-7 min-w-0 flex-1 px-2 touch:h-11")}
        />
        <Button type="submit" variant="primary" isDisabled={!draft}>
          Set
        </Button>
      </div>
      {choices.map(([label, date]) => (
        <Button key={label} variant="ghost" className="justify-between" onPress={() => onChange(date)}>
          {label} <span className="font-normal text-subtle">{formatDate(date)}</span>
        </Button>
      ))}
      {value && (
        <Button variant="ghost" className="justify-start" onPress={() => onChange(null)}>
          No date
        </Button>
      )}
    </form>
  );
}
