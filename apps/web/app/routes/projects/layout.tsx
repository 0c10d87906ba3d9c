import { HydrationBoundary, useSuspenseQuery } from "@tanstack/react-query";
import { Activity, Archive, Columns3, Plus, Users, Webhook } from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Link, Outlet } from "react-router";
import { Button } from "~/components/ui/button";
import { Skeleton } from "~/components/ui/states";
import { Tabs } from "~/components/ui/tabs";
import { projectQuery } from "~/features/projects/queries";
import { mayEditTasks, maySeeWebhooks } from "~/features/projects/roles";
import { Header } from "~/features/shell/header";
import { ProjectDot } from "~/features/shell/project-dot";
import { useShell } from "~/features/shell/shell-context";
import { attachmentsQuery, commentsQuery, subtasksQuery, taskQuery } from "~/features/tasks/queries";
import { useOpenTask } from "~/features/tasks/use-open-task";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Project } from "~/lib/types";
import type { Route } from "./+types/layout";

const TaskPanel = lazy(() => import("~/features/tasks/task-panel"));

export function loader(args: Route.LoaderArgs) {
  const taskKey = new URL(args.request.url).searchParams.get("task");
  return loadPage(args, async (client) => {
    const project = client.fetchQuery(projectQuery(args.params.projectId));
    if (taskKey) {
      // A task that is gone is said in its panel; the board beside it still shows.
      await Promise.all([
        client.prefetchQuery(taskQuery(taskKey)),
        client.prefetchQuery(subtasksQuery(taskKey)),
        client.prefetchQuery(attachmentsQuery(taskKey)),
        client.prefetchQuery(commentsQuery(taskKey)),
      ]);
    }
    return project;
  });
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureQueryData(projectQuery(params.projectId)));
}

const TABS = [
  { to: "board", label: "Board", icon: Columns3 },
  { to: "activity", label: "Activity", icon: Activity },
  { to: "members", label: "Members", icon: Users },
];
const WEBHOOKS_TAB = { to: "webhooks", label: "Webhooks", icon: Webhook };

export default function ProjectLayout({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <ProjectFrame projectId={params.projectId} />
    </HydrationBoundary>
  );
}

function ProjectFrame({ projectId }: { projectId: string }) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId));
  const { createTask } = useShell();
  const [openKey, openTask] = useOpenTask();
  const lastFocus = useRef<Element | null>(null);

  // Closing the panel gives the focus back to where it came from.
  useEffect(() => {
    if (openKey) {
      lastFocus.current ??= document.activeElement;
    } else if (lastFocus.current) {
      if (lastFocus.current instanceof HTMLElement && lastFocus.current.isConnected) lastFocus.current.focus();
      lastFocus.current = null;
    }
  }, [openKey]);

  return (
    <>
      <Header
        title={
          <nav aria-label="Breadcrumb" className="min-w-0">
            <ol className="flex min-w-0 items-center gap-1.5">
              <li className="max-sm:hidden">
                <Link to="/projects" className="rounded-chip text-muted hover:text-text">
                  Projects
                </Link>
              </li>
              <li aria-hidden className="text-subtle max-sm:hidden">
                /
              </li>
              <li className="flex min-w-0 items-center gap-2">
                <ProjectDot color={project.color} />
                <h1 className="truncate font-semibold">{project.name}</h1>
              </li>
            </ol>
          </nav>
        }
        actions={
          mayEditTasks(project) && (
            <Button variant="primary" onPress={() => createTask()} aria-label="New task">
              <Plus aria-hidden /> <span className="max-sm:hidden">New task</span>
            </Button>
          )
        }
      >
        <nav aria-label="Views" className="flex gap-0.5 max-md:hidden">
          <Tabs tabs={tabsOf(project)} />
        </nav>
      </Header>
      <nav aria-label="Views" className="flex gap-0.5 overflow-x-auto border-b border-line px-2 py-1 md:hidden">
        <Tabs tabs={tabsOf(project)} />
      </nav>
      {project.archived_at && (
        <p className="flex items-center gap-2 border-b border-line bg-sunken px-4 py-1.5 text-meta text-muted">
          <Archive aria-hidden className="size-4" /> This project is archived: it can be read, not changed.
        </p>
      )}
      <div className="flex min-h-0 flex-1">
        <div className="flex min-w-0 flex-1 flex-col">
          <Outlet />
        </div>
        {openKey && (
          <Suspense fallback={<Skeleton className="w-105 border-s border-line max-md:hidden" />}>
            <TaskPanel key={openKey} taskKey={openKey} project={project} onClose={() => openTask(null)} />
          </Suspense>
        )}
      </div>
    </>
  );
}

function tabsOf(project: Project) {
  return maySeeWebhooks(project) ? [...TABS, WEBHOOKS_TAB] : TABS;
}
