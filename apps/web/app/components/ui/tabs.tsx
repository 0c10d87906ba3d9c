import type { LucideIcon } from "lucide-react";
import { NavLink } from "react-router";
import { cx } from "~/components/ui/cx";

interface Tab {
  to: string;
  label: string;
  icon: LucideIcon;
}

/** Links to the views of one thing; they stand in a `nav`. */
export function Tabs({ tabs }: { tabs: readonly Tab[] }) {
  return tabs.map(({ to, label, icon: Icon }) => (
    <NavLink
      key={to}
      to={to}
      prefetch="intent"
      className={({ isActive }) =>
        cx(
          "flex h-7 shrink-0 items-center gap-1.5 rounded-control px-2 whitespace-nowrap transition-colors duration-100 touch:h-11",
          isActive ? "bg-press font-medium text-text" : "text-muted hover:bg-hover hover:text-text",
        )
      }
    >
      <Icon aria-hidden className="size-4 max-sm:hidden" /> {label}
    </NavLink>
  ));
}
