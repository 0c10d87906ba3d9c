import { HydrationBoundary, useSuspenseInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { TimeAgo } from "~/components/time-ago";
import { Avatar } from "~/components/ui/avatar";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyState } from "~/components/ui/states";
import { describe } from "~/features/activity/describe";
import { activityQuery, projectQuery } from "~/features/projects/queries";
import { useOpenTask } from "~/features/tasks/use-open-task";
import { formatDate } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Activity } from "~/lib/types";
import type { Route } from "./+types/activity";

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchInfiniteQuery(activityQuery(args.params.projectId)));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureInfiniteQueryData(activityQuery(params.projectId)));
}

export default function ActivityPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <ActivityList projectId={params.projectId} />
    </HydrationBoundary>
  );
}

function ActivityList({ projectId }: { projectId: string }) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId));
  const list = useSuspenseInfiniteQuery(activityQuery(projectId));
  const days = Map.groupBy(
    list.data.pages.flatMap((page) => page.items),
    (activity) => activity.occurred_at.slice(0, 10),
  );
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
      <title>{`${project.name} · Activity · SynergyOS`}</title>
      <div className="mx-auto max-w-3xl">
        {days.size === 0 && (
          <EmptyState icon={<History />} title="Nothing has happened yet">
            Every change of the project and its tasks is listed here.
          </EmptyState>
        )}
        {[...days].map(([day, activities]) => (
          <section key={day} aria-labelledby={`day-${day}`} className="mb-6">
            <h2 id={`day-${day}`} className="mb-2 text-meta font-medium text-subtle">
              {formatDate(day)}
            </h2>
            <ol className="overflow-hidden rounded-card border border-line bg-surface">
              {activities.map((activity) => (
                <Row key={activity.id} activity={activity} />
              ))}
            </ol>
          </section>
        ))}
        <ShowOlder list={list} />
      </div>
    </div>
  );
}

function Row({ activity }: { activity: Activity }) {
  const [, openTask] = useOpenTask();
  const { verb, taskKey, title, detail } = describe(activity);
  const actor = activity.actor ?? { id: "system", name: "SynergyOS" };
  return (
    <li className="flex items-start gap-3 border-b border-line px-3 py-2 last:border-b-0">
      <Avatar person={actor} size="xs" className="mt-0.5" />
      <p className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        <span className="font-medium">{actor.name}</span> <span className="text-muted">{verb}</span>{" "}
        {taskKey && (
          <button
            type="button"
            onClick={() => openTask(taskKey)}
            className="rounded-chip font-medium hover:text-accent hover:underline"
          >
            {taskKey}
          </button>
        )}{" "}
        {title}
        {detail && <span className="mt-0.5 line-clamp-2 text-meta text-muted">{detail}</span>}
      </p>
      <span className="shrink-0 text-meta text-subtle">
        <TimeAgo iso={activity.occurred_at} />
      </span>
    </li>
  );
}
