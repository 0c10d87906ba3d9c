import type { ComponentType } from "react";
import { cx } from "~/components/ui/cx";

/** How a state looks: its shape and its colour. */
export type Look = readonly [icon: ComponentType<{ className?: string }>, tone: string];

/** A state: shape, colour and word. */
export function Badge({ look: [Icon, tone], name }: { look: Look; name: string }) {
  return (
    <span className={cx("inline-flex items-center gap-1.5 font-medium whitespace-nowrap", tone)}>
      <Icon aria-hidden className="size-4 shrink-0" /> {name}
    </span>
  );
}
