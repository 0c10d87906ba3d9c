import type { ScheduleView } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { CalendarClock, CirclePause } from "lucide-react";
import { lazy, Suspense } from "react";
import { TimeAgo } from "~/components/time-ago";
import { Badge } from "~/components/ui/badge";
import { Freshness } from "~/components/ui/freshness";
import { EmptyCard } from "~/components/ui/states";
import { Cell, Table } from "~/components/ui/table";
import { schedulesQuery } from "~/features/background/queries";
import { timingOf } from "~/features/background/schedule";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/schedules";

const ScheduleMenu = lazy(() => import("~/features/background/schedule-menu"));

const SOON_MS = 45_000;

export const meta: Route.MetaFunction = () => [{ title: "Schedules · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery({ ...schedulesQuery, staleTime: 0 });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function SchedulesPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Schedules />
    </HydrationBoundary>
  );
}

function Schedules() {
  const query = useQuery(schedulesQuery);
  const { data: schedules } = query;
  if (!schedules) return null;
  return (
    <section aria-labelledby="schedules">
      <div className="mb-3 flex flex-wrap items-end justify-between gap-3">
        <h2 id="schedules" className="text-heading font-semibold">
          Schedules
        </h2>
        <Freshness query={query} />
      </div>
      {schedules.length === 0 ? (
        <EmptyCard icon={<CalendarClock />} title="There are no schedules yet">
          The first scheduler that runs makes them: start one.
        </EmptyCard>
      ) : (
        <Table label="When jobs are due" columns={["Schedule", "When", "Last run", "Next run"]} hasActions>
          {schedules.map((schedule) => (
            <Row key={schedule.id} schedule={schedule} />
          ))}
        </Table>
      )}
    </section>
  );
}

function Row({ schedule }: { schedule: ScheduleView }) {
  const { name, job, cron, timezone, last_run_at, next_run_at, is_paused } = schedule;
  return (
    <tr>
      <Cell>
        <span className="font-medium">{name}</span>
        {job !== name && <code className="block font-mono text-meta text-subtle">{job}</code>}
      </Cell>
      <Cell className="whitespace-nowrap">
        {cron ? <code className="font-mono text-meta">{cron}</code> : timingOf(schedule)}
        {cron && <span className="block text-meta text-subtle">{timezone}</span>}
      </Cell>
      <Cell className="text-muted">{last_run_at ? <TimeAgo iso={last_run_at} /> : "Never"}</Cell>
      <Cell className="text-muted">
        {is_paused || !next_run_at ? (
          <Badge look={[CirclePause, "text-warn"]} name="Paused" />
        ) : (
          <span suppressHydrationWarning>
            {Date.parse(next_run_at) - Date.now() < SOON_MS ? "in a moment" : <TimeAgo iso={next_run_at} />}
          </span>
        )}
      </Cell>
      <Cell className="px-2">
        <Suspense fallback={<span className="block size-7 touch:size-11" />}>
          <ScheduleMenu schedule={schedule} />
        </Suspense>
      </Cell>
    </tr>
  );
}
