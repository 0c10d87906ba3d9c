import { Check } from "lucide-react";
import type { ReactNode } from "react";
import {
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  type MenuItemProps as AriaMenuItemProps,
  type MenuProps as AriaMenuProps,
  Header,
  MenuSection,
  type MenuSectionProps,
  MenuTrigger,
  Popover,
  type PopoverProps,
  Separator,
  SubmenuTrigger,
} from "react-aria-components";
import { cx } from "~/components/ui/cx";
import { Kbd } from "~/components/ui/kbd";

export { MenuTrigger, SubmenuTrigger };

interface MenuProps<T> extends Omit<AriaMenuProps<T>, "className"> {
  placement?: PopoverProps["placement"];
  className?: string;
}

/** The list that opens from a MenuTrigger's button. */
export function Menu<T extends object>({ placement = "bottom start", className, ...props }: MenuProps<T>) {
  return (
    <Popover
      placement={placement}
      offset={4}
      className={cx(
        "min-w-44 animate-rise-in overflow-auto rounded-card border border-line bg-raised p-1 shadow-pop outline-none",
        className,
      )}
    >
      <AriaMenu {...props} className="outline-none" />
    </Popover>
  );
}

interface MenuItemProps extends Omit<AriaMenuItemProps, "className" | "children"> {
  icon?: ReactNode;
  shortcut?: string;
  isDanger?: boolean;
  children: ReactNode;
}

export function MenuItem({ icon, shortcut, isDanger, children, ...props }: MenuItemProps) {
  return (
    <AriaMenuItem
      textValue={typeof children === "string" ? children : undefined}
      {...props}
      className={cx(
        "flex min-h-7 items-center gap-2 rounded-chip px-2 py-1 text-ui outline-none select-none focused:bg-hover pressed:bg-press inactive:opacity-40 touch:min-h-11 [&_svg]:size-4 [&_svg]:shrink-0",
        isDanger ? "text-danger" : "text-text",
      )}
    >
      {({ isSelected, selectionMode }) => (
        <>
          {icon && <span className={cx("flex", !isDanger && "text-muted")}>{icon}</span>}
          <span className="min-w-0 flex-1 truncate">{children}</span>
          {shortcut && <Kbd>{shortcut}</Kbd>}
          {selectionMode !== "none" && <Check aria-hidden className={cx("text-accent", !isSelected && "invisible")} />}
        </>
      )}
    </AriaMenuItem>
  );
}

interface SectionProps<T> extends Omit<MenuSectionProps<T>, "children"> {
  title: string;
  children: ReactNode;
}

export function MenuGroup<T extends object>({ title, children, ...props }: SectionProps<T>) {
  return (
    <MenuSection {...props} className="[&:not(:first-child)]:mt-1">
      <Header className="px-2 pt-1 pb-0.5 text-label font-medium text-subtle">{title}</Header>
      {children}
    </MenuSection>
  );
}

export function MenuSeparator() {
  return <Separator className="-mx-1 my-1 border-t border-line" />;
}
