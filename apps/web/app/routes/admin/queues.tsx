import type { BackgroundState } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, Cpu } from "lucide-react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Badge } from "~/components/ui/badge";
import { Freshness } from "~/components/ui/freshness";
import { EmptyCard } from "~/components/ui/states";
import { Cell, Table } from "~/components/ui/table";
import { queuesQuery } from "~/features/background/queries";
import { isSilent, queueAbout } from "~/features/background/queues";
import { formatCount, formatSpan, plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/queues";

export const meta: Route.MetaFunction = () => [{ title: "Queues · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery({ ...queuesQuery, staleTime: 0 });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function QueuesPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Queues />
    </HydrationBoundary>
  );
}

function Queues() {
  const query = useQuery(queuesQuery);
  const { data } = query;
  if (!data) return null;
  const { queues, outbox, processes } = data;
  return (
    <>
      <section aria-labelledby="queues">
        <div className="mb-3 flex flex-wrap items-end justify-between gap-3">
          <h2 id="queues" className="text-heading font-semibold">
            Queues
          </h2>
          <Freshness query={query} />
        </div>
        <Table
          label="Jobs by queue"
          columns={["Queue", "Due", "Oldest due", "With the workers", "Later", "Dead letters"]}
          footer={
            <p className="border-t border-line px-3 py-2 text-muted">
              {outbox.events
                ? `${plural(outbox.events, "change")} nobody was told of yet, the oldest for ${formatSpan(outbox.oldest_seconds)}.`
                : "Everybody was told of every change."}
            </p>
          }
        >
          {queues.map((queue) => (
            <Row key={queue.name} queue={queue} />
          ))}
        </Table>
      </section>
      <section aria-labelledby="processes">
        <h2 id="processes" className="mb-3 text-heading font-semibold">
          Processes
        </h2>
        {processes.length === 0 ? (
          <EmptyCard icon={<Cpu />} title="No process was heard of">
            Start a worker and a scheduler: nothing is done in the background until then.
          </EmptyCard>
        ) : (
          <Table label="Background processes" columns={["Process", "Does", "State", "Last heard of"]}>
            {processes.map((process) => (
              <tr key={process.process}>
                <Cell>
                  <code className="font-mono text-meta">{process.process}</code>
                </Cell>
                <Cell>{process.role}</Cell>
                <Cell>
                  {isSilent(process) ? (
                    <Badge look={[CircleX, "text-danger"]} name="Silent" />
                  ) : (
                    <Badge look={[CircleCheck, "text-ok"]} name="Alive" />
                  )}
                </Cell>
                <Cell className="text-muted">
                  <TimeAgo iso={process.seen_at} />
                </Cell>
              </tr>
            ))}
          </Table>
        )}
      </section>
    </>
  );
}

function Row({
  queue: { name, due, delayed, published, dead, oldest_seconds },
}: {
  queue: BackgroundState["queues"][number];
}) {
  return (
    <tr>
      <Cell>
        <span className="font-medium">{name}</span>{" "}
        <span className="block text-meta text-subtle">{queueAbout(name)}</span>
      </Cell>
      <Cell>{formatCount(due)}</Cell>
      <Cell className="whitespace-nowrap text-muted">{due ? formatSpan(oldest_seconds) : "–"}</Cell>
      <Cell>{formatCount(published)}</Cell>
      <Cell>{formatCount(delayed)}</Cell>
      <Cell>
        {dead ? (
          <Link to="/admin/dead-letters" className="font-medium text-danger hover:underline">
            {formatCount(dead)}
          </Link>
        ) : (
          "0"
        )}
      </Cell>
    </tr>
  );
}
