import { type FormEvent, useEffect, useRef, useState } from "react";
import { inputClass } from "~/components/ui/field";
import { toastError } from "~/components/ui/toast";
import { useCreateTask } from "~/features/board/mutations";
import { STATUS_NAMES } from "~/features/tasks/status";
import type { Status } from "~/lib/types";

interface QuickAddProps {
  projectId: string;
  status: Status;
  onClose: () => void;
}

/** A title and Enter make a task; the field stays for the next one. */
export function QuickAdd({ projectId, status, onClose }: QuickAddProps) {
  const [title, setTitle] = useState("");
  const { mutate, isPending } = useCreateTask(projectId);
  const form = useRef<HTMLFormElement>(null);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    const wanted = title.trim();
    if (!wanted || isPending) return;
    setTitle("");
    mutate(
      { title: wanted, status },
      {
        onError: (error) => {
          setTitle((current) => current || wanted);
          toastError("The task was not created.", error);
        },
      },
    );
  };

  // The field belongs to the end of the column and must be seen when it opens, and after each new card.
  useEffect(() => {
    if (!isPending) form.current?.scrollIntoView({ block: "nearest" });
  }, [isPending]);

  return (
    <form ref={form} onSubmit={submit} className="pt-2">
      <textarea
        // biome-ignore lint/a11y/noAutofocus: pressing "Add task" asks for this field
        autoFocus
        aria-label={`Title of the new task in ${STATUS_NAMES[status]}`}
        placeholder="What needs to be done?"
        rows={2}
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value.replace(/\n/g, " "))}
        onBlur={() => !title.trim() && onClose()}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.nativeEvent.isComposing) submit(event);
          if (event.key === "Escape") onClose();
        }}
        className={`${inputClass} resize-none px-2.5 py-2`}
      />
      <p className="mt-1 px-1 text-label text-subtle">Enter adds it, Esc closes.</p>
    </form>
  );
}
