import { useQuery } from "@tanstack/react-query";
import { FolderKanban, Inbox, Search, ShieldCheck, Target } from "lucide-react";
import { lazy, Suspense } from "react";
import { Button as AriaButton } from "react-aria-components";
import { NavLink } from "react-router";
import { Logo } from "~/components/logo";
import { cx } from "~/components/ui/cx";
import { Kbd } from "~/components/ui/kbd";
import { meQuery } from "~/features/identity/queries";
import type { LiveState } from "~/features/live/stream";
import { projectsQuery } from "~/features/projects/queries";
import { ProjectDot } from "~/features/shell/project-dot";
import { useShell } from "~/features/shell/shell-context";

// Their menus come after the page: the server's rendering of the buttons is shown meanwhile.
const NotificationBell = lazy(() => import("~/features/notifications/bell"));
const UserMenu = lazy(() => import("~/features/shell/user-menu"));

const itemClass =
  "flex h-7 items-center gap-2 rounded-control px-2 text-ui text-muted transition-colors duration-100 hover:bg-hover hover:text-text touch:h-11 [&_svg]:size-4 [&_svg]:shrink-0";

function navClass({ isActive }: { isActive: boolean }): string {
  return cx(itemClass, isActive && "bg-press font-medium text-text");
}

export function Sidebar({ liveState }: { liveState: LiveState }) {
  const { openPalette } = useShell();
  const { data: projects } = useQuery(projectsQuery);
  const { data: me } = useQuery(meQuery);
  return (
    <div className="flex h-full w-60 flex-col gap-3 p-3 max-md:w-72">
      <div className="flex h-7 items-center gap-2 ps-1 touch:h-11">
        <NavLink to="/projects" className="flex flex-1 items-center gap-2 rounded-control font-semibold tracking-tight">
          <Logo className="size-5" /> SynergyOS
        </NavLink>
        <Suspense fallback={<span className="size-7 touch:size-11" />}>
          <NotificationBell />
        </Suspense>
      </div>

      <AriaButton
        onPress={openPalette}
        className="flex h-8 items-center gap-2 rounded-control border border-line bg-surface px-2 text-ui text-subtle shadow-lift hovered:border-outline touch:h-11"
      >
        <Search aria-hidden className="size-4" />
        <span className="flex-1 text-start">Search</span>
        <Kbd>⌘K</Kbd>
      </AriaButton>

      <nav aria-label="Main" className="flex min-h-0 flex-1 flex-col gap-0.5">
        <NavLink to="/my-work" className={navClass}>
          <Target aria-hidden /> My work
        </NavLink>
        <NavLink to="/notifications" className={navClass}>
          <Inbox aria-hidden /> Notifications
        </NavLink>
        <NavLink to="/projects" end className={navClass}>
          <FolderKanban aria-hidden /> Projects
        </NavLink>
        {me?.role === "admin" && (
          <NavLink to="/admin" className={navClass}>
            <ShieldCheck aria-hidden /> Administration
          </NavLink>
        )}
        <h2 className="mt-4 mb-1 px-2 text-label font-medium text-subtle" id="sidebar-projects">
          Your projects
        </h2>
        <ul aria-labelledby="sidebar-projects" className="-mx-1 min-h-0 flex-1 overflow-y-auto px-1 scrollbar-thin">
          {projects?.items
            .filter((project) => !project.archived_at)
            .map((project) => (
              <li key={project.id} className="mb-0.5">
                <NavLink to={`/projects/${project.id}/board`} className={navClass}>
                  <ProjectDot color={project.color} />
                  <span className="truncate">{project.name}</span>
                </NavLink>
              </li>
            ))}
          {projects?.items.length === 0 && <li className="px-2 text-meta text-subtle">None yet.</li>}
        </ul>
      </nav>

      {liveState === "offline" && (
        <p role="status" className="flex items-center gap-2 px-2 text-meta text-warn">
          <span aria-hidden className="size-1.5 rounded-full bg-warn" />
          Connection lost. Trying again…
        </p>
      )}
      <Suspense fallback={<span className="h-10 touch:h-12" />}>
        <UserMenu />
      </Suspense>
    </div>
  );
}
