import type { ReactNode } from "react";
import { cx } from "~/components/ui/cx";
import { reasonOf } from "~/lib/api";

/** Stands where content will be, and shows only when it takes longer than a moment. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <span aria-hidden className={cx("block animate-late", className)}>
      <span className="block size-full animate-pulse rounded-chip bg-hover" />
    </span>
  );
}

/** Why there is nothing in what was opened: its content did not come. */
export function NotLoaded({ error, className }: { error: unknown; className?: string }) {
  return (
    <p role="alert" className={cx("text-danger", className)}>
      {reasonOf(error, "Close this and try again.")}
    </p>
  );
}

interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

/** Why there is nothing here, and the one thing to do about it. */
export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center justify-center gap-1 px-6 py-16 text-center">
      <span
        aria-hidden
        className="mb-2 flex size-10 items-center justify-center rounded-card border border-line bg-surface text-muted shadow-lift [&_svg]:size-5"
      >
        {icon}
      </span>
      <p className="text-body font-semibold">{title}</p>
      <p className="max-w-80 text-ui text-muted">{children}</p>
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}

/** The same in a frame, where a list or a table would be. */
export function EmptyCard(props: EmptyStateProps) {
  return (
    <div className="rounded-card border border-line bg-surface">
      <EmptyState {...props} />
    </div>
  );
}

/** A share of 100, as a bar that is also a number for those who do not see it. */
export function ProgressBar({ value, label, className }: { value: number; label: string; className?: string }) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={100}
      className={cx("h-1 overflow-hidden rounded-full bg-press", className)}
    >
      <div
        className={cx("h-full rounded-full transition-[width] duration-200", value === 100 ? "bg-ok" : "bg-accent")}
        style={{ width: `${value}%` }}
      />
    </div>
  );
}
