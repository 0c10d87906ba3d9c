import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";
import { Link, type LinkProps } from "react-router";
import { cx } from "~/components/ui/cx";
import { Tooltip } from "~/components/ui/tooltip";

type Variant = "primary" | "secondary" | "ghost" | "danger";
type Size = "sm" | "md";

const base =
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-control font-medium whitespace-nowrap transition-colors duration-100 select-none inactive:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0";
const sizes: Record<Size, string> = {
  sm: "h-7 px-2.5 text-ui touch:h-11 touch:px-4",
  md: "h-8 px-3 text-ui touch:h-11 touch:px-4",
};
const variants: Record<Variant, string> = {
  primary: "bg-accent text-on-accent hovered:bg-accent-hover hover:bg-accent-hover",
  secondary: "border border-line bg-surface text-text shadow-lift hovered:bg-sunken hover:bg-sunken pressed:bg-press",
  ghost: "text-muted hovered:bg-hover hovered:text-text hover:bg-hover hover:text-text pressed:bg-press",
  danger: "border border-line bg-surface text-danger hovered:bg-danger/10 pressed:bg-danger/15",
};

export interface ButtonProps extends Omit<AriaButtonProps, "className" | "children"> {
  variant?: Variant;
  size?: Size;
  className?: string;
  children: ReactNode;
}

export function Button({ variant = "secondary", size = "sm", className, children, ...props }: ButtonProps) {
  return (
    <AriaButton {...props} className={cx(base, sizes[size], variants[variant], className)}>
      {children}
    </AriaButton>
  );
}

export interface LinkButtonProps extends LinkProps {
  variant?: Variant;
  size?: Size;
  className?: string;
}

export function LinkButton({ variant = "secondary", size = "sm", className, ...props }: LinkButtonProps) {
  return <Link {...props} className={cx(base, sizes[size], variants[variant], className)} />;
}

export interface IconButtonProps extends Omit<AriaButtonProps, "className" | "children"> {
  /** Its accessible name, also shown as a tooltip. */
  label: string;
  /** A key that does the same, shown in the tooltip. */
  shortcut?: string;
  className?: string;
  children: ReactNode;
}

export function IconButton({ label, shortcut, className, children, ...props }: IconButtonProps) {
  return (
    <Tooltip label={label} shortcut={shortcut}>
      <AriaButton
        {...props}
        aria-label={label}
        className={cx(
          "relative inline-flex size-7 shrink-0 items-center justify-center rounded-control text-muted transition-colors duration-100 hovered:bg-hover hovered:text-text pressed:bg-press inactive:opacity-40 aria-expanded:bg-hover aria-expanded:text-text touch:size-11 [&_svg]:size-4",
          className,
        )}
      >
        {children}
      </AriaButton>
    </Tooltip>
  );
}
