import { Menu as MenuIcon } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { IconButton } from "~/components/ui/button";
import { useShell } from "~/features/shell/shell-context";

const NotificationBell = lazy(() => import("~/features/notifications/bell"));

interface HeaderProps {
  title: ReactNode;
  /** View tabs beside the title. */
  children?: ReactNode;
  actions?: ReactNode;
}

/** The bar above every page, 48 px high. */
export function Header({ title, children, actions }: HeaderProps) {
  const { openDrawer } = useShell();
  return (
    <header className="flex min-h-12 shrink-0 items-center gap-3 border-b border-line bg-canvas px-4 max-sm:gap-2 max-sm:px-2">
      <IconButton label="Open the navigation" onPress={openDrawer} className="md:hidden">
        <MenuIcon />
      </IconButton>
      <div className="flex min-w-0 flex-1 items-center gap-4 max-sm:gap-2">
        {title}
        {children}
      </div>
      {actions && <div className="flex shrink-0 items-center gap-2">{actions}</div>}
      {/* On wide screens it is in the sidebar, which is hidden here. */}
      <div className="shrink-0 md:hidden">
        <Suspense fallback={<span className="block size-7 touch:size-11" />}>
          <NotificationBell />
        </Suspense>
      </div>
    </header>
  );
}
