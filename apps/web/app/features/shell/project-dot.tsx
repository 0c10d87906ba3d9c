import { cx } from "~/components/ui/cx";

/** A project's colour beside its name. */
export function ProjectDot({ color, className }: { color: string | null; className?: string }) {
  return (
    <span
      aria-hidden
      className={cx("inline-block size-2.5 shrink-0 rounded-[3px]", !color && "bg-accent", className)}
      style={color ? { backgroundColor: color } : undefined}
    />
  );
}
