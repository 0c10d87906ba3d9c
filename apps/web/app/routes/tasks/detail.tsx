import { HydrationBoundary, type QueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, useNavigate } from "react-router";
import { projectQuery } from "~/features/projects/queries";
import { Header } from "~/features/shell/header";
import { ProjectDot } from "~/features/shell/project-dot";
import { attachmentsQuery, commentsQuery, subtasksQuery, taskQuery } from "~/features/tasks/queries";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/detail";

// Rendered by the server; its script comes after the page.
const TaskContent = lazy(() => import("~/features/tasks/task-content"));
const TaskMenu = lazy(() => import("~/features/tasks/task-menu"));

async function load(client: QueryClient, taskKey: string): Promise<void> {
  const [task] = await Promise.all([
    client.ensureQueryData(taskQuery(taskKey)),
    client.prefetchQuery(subtasksQuery(taskKey)),
    client.prefetchQuery(attachmentsQuery(taskKey)),
    client.prefetchQuery(commentsQuery(taskKey)),
  ]);
  await client.ensureQueryData(projectQuery(task.project_id));
}

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => load(client, args.params.taskId));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => load(client, params.taskId));
}

export default function TaskPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <TaskPageContent taskKey={params.taskId} />
    </HydrationBoundary>
  );
}

function TaskPageContent({ taskKey }: { taskKey: string }) {
  const { data: task } = useSuspenseQuery(taskQuery(taskKey));
  const { data: project } = useSuspenseQuery(projectQuery(task.project_id));
  const navigate = useNavigate();
  const board = `/projects/${project.id}/board`;
  return (
    <>
      <title>{`${task.key} ${task.title} · SynergyOS`}</title>
      <Header
        title={
          <nav aria-label="Breadcrumb" className="min-w-0">
            <ol className="flex min-w-0 items-center gap-1.5">
              <li className="min-w-0">
                <Link to={board} className="flex items-center gap-2 rounded-chip text-muted hover:text-text">
                  <ProjectDot color={project.color} />
                  <span className="truncate">{project.name}</span>
                </Link>
              </li>
              <li aria-hidden className="text-subtle">
                /
              </li>
              <li>
                <h1 className="font-semibold">{task.key}</h1>
              </li>
            </ol>
          </nav>
        }
        actions={
          <Suspense fallback={null}>
            <TaskMenu taskKey={task.key} project={project} onDeleted={() => navigate(board)} />
          </Suspense>
        }
      />
      <div className="flex min-h-0 flex-1 justify-center overflow-y-auto">
        <div className="flex w-full max-w-3xl flex-col bg-surface sm:my-4 sm:h-fit sm:rounded-card sm:border sm:border-line">
          <Suspense fallback={null}>
            <TaskContent taskKey={taskKey} project={project} />
          </Suspense>
        </div>
      </div>
    </>
  );
}
