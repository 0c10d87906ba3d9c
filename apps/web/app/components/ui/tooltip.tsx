import type { ReactElement } from "react";
import { Tooltip as AriaTooltip, TooltipTrigger } from "react-aria-components";
import { Kbd } from "~/components/ui/kbd";

interface TooltipProps {
  label: string;
  shortcut?: string;
  children: ReactElement;
}

export function Tooltip({ label, shortcut, children }: TooltipProps) {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      {children}
      <AriaTooltip
        offset={6}
        className="flex max-w-72 animate-fade-in items-center gap-2 rounded-control border border-line bg-raised px-2 py-1 text-meta text-text shadow-pop"
      >
        {label}
        {shortcut && <Kbd>{shortcut}</Kbd>}
      </AriaTooltip>
    </TooltipTrigger>
  );
}
