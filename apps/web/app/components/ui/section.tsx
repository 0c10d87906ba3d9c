import { type ReactNode, useId } from "react";

interface SectionProps {
  title: string;
  /** One line on what it is about. */
  intro?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A part of a page of settings: its heading, and a card with what belongs to it. */
export function Section({ title, intro, actions, children }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <div className="mb-3 flex items-end justify-between gap-3">
        <div className="min-w-0">
          <h2 id={id} className="text-heading font-semibold">
            {title}
          </h2>
          {intro && <p className="text-muted">{intro}</p>}
        </div>
        {actions}
      </div>
      <div className="rounded-card border border-line bg-surface">{children}</div>
    </section>
  );
}

/** One line of a section's list: what it is on the left, what one can do on the right. */
export function SectionRow({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <li className="flex items-center justify-between gap-3 border-line px-3 py-2.5 not-first:border-t max-sm:flex-wrap">
      <div className="min-w-0">{children}</div>
      {actions && <div className="flex shrink-0 items-center gap-2">{actions}</div>}
    </li>
  );
}
