import { HydrationBoundary, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Target } from "lucide-react";
import { Link } from "react-router";
import { EmptyState } from "~/components/ui/states";
import { projectsQuery } from "~/features/projects/queries";
import { Header } from "~/features/shell/header";
import { ProjectDot } from "~/features/shell/project-dot";
import { DueDate, useToday } from "~/features/tasks/due-date";
import { groupByDue } from "~/features/tasks/due-groups";
import { myTasksQuery } from "~/features/tasks/queries";
import { LabelChip, PRIORITY_NAMES, PriorityIcon, STATUS_NAMES, StatusIcon } from "~/features/tasks/status";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Project, TaskSummary } from "~/lib/types";
import type { Route } from "./+types/list";

export const meta: Route.MetaFunction = () => [{ title: "My work · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchQuery(myTasksQuery));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureQueryData(myTasksQuery));
}

export default function MyWorkPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Header title={<h1 className="font-semibold">My work</h1>} />
      <MyWork />
    </HydrationBoundary>
  );
}

function MyWork() {
  const { data: tasks } = useSuspenseQuery(myTasksQuery);
  const { data: projects } = useQuery(projectsQuery);
  const byId = new Map(projects?.items.map((project) => [project.id, project]));
  const groups = groupByDue(tasks, useToday());
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
      <div className="mx-auto max-w-4xl">
        {groups.length === 0 && (
          <EmptyState icon={<Target />} title="Nothing is waiting for you">
            Open tasks that are assigned to you are listed here, the next due first.
          </EmptyState>
        )}
        {groups.map(({ title, tasks: items }) => (
          <section key={title} aria-labelledby={`due-${title}`} className="mb-6">
            <h2 id={`due-${title}`} className="mb-2 flex items-center gap-2 font-medium">
              {title} <span className="text-meta font-normal text-subtle">{items.length}</span>
            </h2>
            <ul className="overflow-hidden rounded-card border border-line bg-surface">
              {items.map((task) => (
                <Row key={task.id} task={task} project={byId.get(task.project_id)} />
              ))}
            </ul>
          </section>
        ))}
      </div>
    </div>
  );
}

function Row({ task, project }: { task: TaskSummary; project: Project | undefined }) {
  return (
    <li className="border-b border-line last:border-b-0">
      <Link
        to={`/projects/${task.project_id}/board?task=${task.key}`}
        className="flex h-9 items-center gap-2.5 px-3 -outline-offset-2 hover:bg-hover touch:h-12"
      >
        <PriorityIcon priority={task.priority} label={`Priority ${PRIORITY_NAMES[task.priority]}`} />
        <StatusIcon status={task.status} label={STATUS_NAMES[task.status]} />
        <span className="w-16 shrink-0 truncate text-meta text-subtle max-sm:hidden">{task.key}</span>
        <span className="min-w-0 flex-1 truncate">{task.title}</span>
        <span className="flex gap-1 max-md:hidden">
          {task.labels.slice(0, 2).map((label) => (
            <LabelChip key={label.id} label={label} />
          ))}
        </span>
        {project && (
          <span className="flex max-w-40 items-center gap-1.5 text-meta text-muted max-sm:hidden">
            <ProjectDot color={project.color} />
            <span className="truncate">{project.name}</span>
          </span>
        )}
        {task.due_date && <DueDate date={task.due_date} isDone={false} />}
      </Link>
    </li>
  );
}
