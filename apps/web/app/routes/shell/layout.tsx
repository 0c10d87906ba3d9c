import { HydrationBoundary } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { Outlet, useLocation, useNavigation, useParams } from "react-router";
import { meQuery } from "~/features/identity/queries";
import { useLive } from "~/features/live/use-live";
import { unreadQuery } from "~/features/notifications/queries";
import { projectsQuery } from "~/features/projects/queries";
import { type NewTask, type Shell, ShellContext } from "~/features/shell/shell-context";
import { Sidebar } from "~/features/shell/sidebar";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import { useShortcuts } from "~/lib/use-shortcuts";
import type { Route } from "./+types/layout";

const Palette = lazy(() => import("~/features/shell/palette"));
const Drawer = lazy(() => import("~/features/shell/drawer"));
const Help = lazy(() => import("~/features/shell/help"));
const CreateTaskDialog = lazy(() => import("~/features/tasks/create-task-dialog"));

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) =>
    Promise.all([client.fetchQuery(meQuery), client.fetchQuery(projectsQuery), client.fetchQuery(unreadQuery)]),
  );
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) =>
    Promise.all([
      client.ensureQueryData(meQuery),
      client.ensureQueryData(projectsQuery),
      client.ensureQueryData(unreadQuery),
    ]),
  );
}

export default function ShellLayout({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <ShellFrame />
    </HydrationBoundary>
  );
}

type OpenDialog = { kind: "none" | "palette" | "help" } | { kind: "task"; preset: NewTask };

function ShellFrame() {
  const liveState = useLive();
  const { projectId } = useParams();
  const [dialog, setDialog] = useState<OpenDialog>({ kind: "none" });
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes whenever the page changes
  useEffect(() => setDrawerOpen(false), [pathname]);

  const shell = useMemo<Shell>(
    () => ({
      openDrawer: () => setDrawerOpen(true),
      openPalette: () => setDialog({ kind: "palette" }),
      openHelp: () => setDialog({ kind: "help" }),
      createTask: (preset = {}) => setDialog({ kind: "task", preset: { projectId, ...preset } }),
    }),
    [projectId],
  );
  useShortcuts({ "mod+k": shell.openPalette, "?": shell.openHelp, c: () => shell.createTask() });
  const close = () => setDialog({ kind: "none" });

  return (
    <ShellContext value={shell}>
      <a
        href="#main"
        className="sr-only z-60 rounded-control bg-raised px-3 py-2 focus:not-sr-only focus:fixed focus:start-2 focus:top-2"
      >
        Skip to the content
      </a>
      <div className="flex h-dvh overflow-hidden">
        <aside aria-label="Navigation" className="shrink-0 border-e border-line bg-sunken max-md:hidden">
          <Sidebar liveState={liveState} />
        </aside>
        <main id="main" tabIndex={-1} className="relative flex min-w-0 flex-1 flex-col outline-none">
          <NavigationBar />
          <Outlet />
        </main>
      </div>
      <Suspense fallback={null}>
        {isDrawerOpen && <Drawer onClose={() => setDrawerOpen(false)} liveState={liveState} />}
        {dialog.kind === "palette" && <Palette onClose={close} />}
        {dialog.kind === "help" && <Help onClose={close} />}
        {dialog.kind === "task" && <CreateTaskDialog preset={dialog.preset} onClose={close} />}
      </Suspense>
    </ShellContext>
  );
}

/** A line at the top while a page is on its way. */
function NavigationBar() {
  const isLoading = useNavigation().state === "loading";
  return (
    <div role="status" className="pointer-events-none absolute inset-x-0 top-0 z-40 h-0.5 overflow-hidden">
      {isLoading && (
        <>
          <span className="sr-only">Loading</span>
          <div className="h-full w-1/3 animate-late">
            <div className="h-full animate-pulse bg-accent" />
          </div>
        </>
      )}
    </div>
  );
}
