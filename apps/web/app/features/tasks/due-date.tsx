import { useQuery } from "@tanstack/react-query";
import { CalendarDays } from "lucide-react";
import { cx } from "~/components/ui/cx";
import { meQuery } from "~/features/identity/queries";
import { dueState, today } from "~/lib/format";

/** Today's date where the user lives. */
export function useToday(): string {
  const { data: me } = useQuery(meQuery);
  return today(me?.timezone);
}

const tones = { overdue: "text-danger", soon: "text-warn", later: "text-muted" };

export function DueDate({ date, isDone }: { date: string; isDone: boolean }) {
  const { label, tone } = dueState(date, useToday());
  return (
    <span className={cx("inline-flex items-center gap-1 text-meta", isDone ? "text-subtle" : tones[tone])}>
      <CalendarDays aria-hidden className="size-3.5" />
      <span>
        <span className="sr-only">{tone === "overdue" && !isDone ? "Overdue since " : "Due "}</span>
        {label}
      </span>
    </span>
  );
}
