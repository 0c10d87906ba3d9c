import type { ReactNode } from "react";
import { Popover as AriaPopover, Dialog, DialogTrigger, type PopoverProps } from "react-aria-components";
import { cx } from "~/components/ui/cx";

export { DialogTrigger as PopoverTrigger };

interface Props {
  label: string;
  placement?: PopoverProps["placement"];
  className?: string;
  children: ReactNode | ((close: { close: () => void }) => ReactNode);
}

/** A small dialog beside the button that opens it. */
export function Popover({ label, placement = "bottom start", className, children }: Props) {
  return (
    <AriaPopover
      placement={placement}
      offset={4}
      className={cx(
        "animate-rise-in overflow-auto rounded-card border border-line bg-raised shadow-pop outline-none",
        className,
      )}
    >
      <Dialog aria-label={label} className="flex h-full flex-col outline-none">
        {children}
      </Dialog>
    </AriaPopover>
  );
}
