import type { Priority, Status } from "~/lib/types";

export const STATUS_NAMES: Record<Status, string> = {
  todo: "To do",
  in_progress: "In progress",
  review: "Review",
  done: "Done",
};

export const PRIORITY_NAMES: Record<Priority, string> = {
  urgent: "Urgent",
  high: "High",
  medium: "Medium",
  low: "Low",
};

export const PRIORITIES: readonly Priority[] = ["urgent", "high", "medium", "low"];

const statusColors: Record<Status, string> = {
  todo: "text-subtle",
  in_progress: "text-warn",
  review: "text-info",
  done: "text-ok",
};

/** The share of the circle that is filled. */
const filled: Record<Status, number> = { todo: 0, in_progress: 0.5, review: 0.75, done: 1 };
const RADIUS = 2.25;

/** Beside its word an icon is decoration; alone it has a name. */
function accessibleName(label: string | undefined) {
  return label ? { role: "img", "aria-label": label } : { "aria-hidden": true as const };
}

/** Shape and colour of a status; the word stands beside it, or goes into `label`. */
export function StatusIcon({ status, label }: { status: Status; label?: string }) {
  const circumference = 2 * Math.PI * RADIUS;
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: accessibleName gives it
    <svg viewBox="0 0 16 16" className={`size-4 shrink-0 ${statusColors[status]}`} {...accessibleName(label)}>
      <circle
        cx="8"
        cy="8"
        r="6.25"
        fill={status === "done" ? "currentColor" : "none"}
        stroke="currentColor"
        strokeWidth="1.5"
        strokeDasharray={status === "todo" ? "2.2 1.73" : undefined}
      />
      {status === "done" ? (
        <path
          d="m5.2 8.2 2 2 3.6-4"
          fill="none"
          stroke="var(--surface)"
          strokeWidth="1.6"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      ) : (
        <circle
          cx="8"
          cy="8"
          r={RADIUS}
          fill="none"
          stroke="currentColor"
          strokeWidth="4.5"
          strokeDasharray={`${filled[status] * circumference} ${circumference}`}
          transform="rotate(-90 8 8)"
        />
      )}
    </svg>
  );
}

const bars: Record<Exclude<Priority, "urgent">, number> = { low: 1, medium: 2, high: 3 };

export function PriorityIcon({ priority, label }: { priority: Priority; label?: string }) {
  const name = accessibleName(label);
  if (priority === "urgent") {
    return (
      // biome-ignore lint/a11y/noSvgWithoutTitle: accessibleName gives it
      <svg viewBox="0 0 16 16" className="size-4 shrink-0 text-danger" {...name}>
        <rect x="1.5" y="1.5" width="13" height="13" rx="3.5" fill="currentColor" />
        <path d="M8 4.6v4" stroke="var(--surface)" strokeWidth="1.8" strokeLinecap="round" />
        <circle cx="8" cy="11.3" r="1.05" fill="var(--surface)" />
      </svg>
    );
  }
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: accessibleName gives it
    <svg viewBox="0 0 16 16" className="size-4 shrink-0 text-muted" {...name}>
      {[0, 1, 2].map((index) => (
        <rect
          key={index}
          x={2.25 + index * 4.25}
          y={9.5 - index * 3}
          width="3"
          height={4.5 + index * 3}
          rx="1"
          fill="currentColor"
          opacity={index < bars[priority] ? 1 : 0.25}
        />
      ))}
    </svg>
  );
}

/** A dot in the label's colour and its name in the colour of text, so that any colour can be read. */
export function LabelChip({ label }: { label: { name: string; color: string } }) {
  return (
    <span className="inline-flex h-5 max-w-36 items-center gap-1.5 rounded-chip border border-line px-1.5 text-label text-muted">
      <span aria-hidden className="size-2 shrink-0 rounded-full" style={{ backgroundColor: label.color }} />
      <span className="truncate">{label.name}</span>
    </span>
  );
}
