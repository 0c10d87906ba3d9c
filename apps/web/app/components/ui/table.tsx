import type { ComponentProps, ReactNode } from "react";
import { cx } from "~/components/ui/cx";

interface TableProps {
  /** What the table is about, for those who do not see the heading above it. */
  label: string;
  /** The heads of the columns. */
  columns: readonly string[];
  /** The last column has buttons, and its head is not shown. */
  hasActions?: boolean;
  /** Rows of `Cell`s. */
  children: ReactNode;
  /** Stands below the rows, inside the frame. */
  footer?: ReactNode;
}

/** A card with rows; on a narrow screen it scrolls by itself. */
export function Table({ label, columns, hasActions, children, footer }: TableProps) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      className="overflow-x-auto rounded-card border border-line bg-surface"
    >
      <table className="w-full border-separate border-spacing-0 text-start">
        <thead>
          <tr className="text-meta text-subtle">
            {columns.map((title) => (
              <th key={title} scope="col" className="px-3 py-2 text-start font-medium whitespace-nowrap">
                {title}
              </th>
            ))}
            {hasActions && (
              <th scope="col" className="w-10 px-2 py-2">
                <span className="sr-only">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {footer}
    </section>
  );
}

export function Cell({ className, ...props }: ComponentProps<"td">) {
  return <td {...props} className={cx("border-t border-line px-3 py-2", className)} />;
}
