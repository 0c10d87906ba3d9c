import { CalendarDays } from "lucide-react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Avatar } from "~/components/ui/avatar";
import { ProgressBar } from "~/components/ui/states";
import { ROLE_NAMES } from "~/features/projects/roles";
import { ProjectDot } from "~/features/shell/project-dot";
import { formatDate, plural } from "~/lib/format";
import type { Project } from "~/lib/types";

export const PROJECT_STATUS_NAMES: Record<Project["status"], string> = {
  planning: "Planning",
  active: "Active",
  on_hold: "On hold",
  completed: "Completed",
  cancelled: "Cancelled",
};

export function ProjectCard({ project }: { project: Project }) {
  const { id, key, name, color, status, progress, tasks_total, tasks_done, owner, my_role, end_date } = project;
  return (
    <Link
      to={`/projects/${id}/board`}
      prefetch="intent"
      className="group flex h-full flex-col rounded-card border border-line bg-surface p-4 shadow-lift transition-colors duration-100 hover:border-outline"
    >
      <span className="flex items-center gap-2">
        <ProjectDot color={color} className="size-3" />
        <span className="min-w-0 flex-1 truncate text-body font-semibold">{name}</span>
        <span className="rounded-chip border border-line px-1.5 text-label font-medium text-muted">{key}</span>
      </span>
      <span className="mt-1 flex items-center gap-2 text-meta text-subtle">
        {PROJECT_STATUS_NAMES[status]}
        {my_role && <span>· {ROLE_NAMES[my_role]}</span>}
        {end_date && (
          <span className="flex items-center gap-1">
            <span aria-hidden>·</span>
            <CalendarDays aria-hidden className="size-3.5" />
            <span className="sr-only">Ends </span>
            {formatDate(end_date)}
          </span>
        )}
      </span>
      <span className="mt-6 mb-1.5 flex items-baseline justify-between text-meta text-muted">
        <span>{tasks_total === 0 ? "No tasks yet" : `${tasks_done} of ${plural(tasks_total, "task")} done`}</span>
        <span className="font-medium text-text">{progress}%</span>
      </span>
      <ProgressBar value={progress} label={`Progress of ${name}`} />
      <span className="mt-4 flex items-center justify-between text-meta text-subtle">
        <span className="flex items-center gap-1.5">
          <Avatar person={owner} size="xs" /> {owner.name}
        </span>
        <TimeAgo iso={project.updated_at} />
      </span>
    </Link>
  );
}
