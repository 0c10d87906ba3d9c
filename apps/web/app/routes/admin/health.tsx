import type { HealthCheck } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { Freshness } from "~/components/ui/freshness";
import { InlineCode } from "~/components/ui/inline-code";
import { Section } from "~/components/ui/section";
import { CHECKS, healthSentence } from "~/features/instance/health";
import { healthQuery } from "~/features/instance/queries";
import { CheckBadge } from "~/features/instance/state-badges";
import { formatSpan } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/health";

export const meta: Route.MetaFunction = () => [{ title: "Health · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery({ ...healthQuery, staleTime: 0 });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function HealthPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Health />
    </HydrationBoundary>
  );
}

function Health() {
  const query = useQuery(healthQuery);
  const { data: health } = query;
  if (!health) return null;
  return (
    <Section
      title="Health"
      intro={
        <>
          <span role="status">{healthSentence(health)}.</span> Version {health.version}, up for{" "}
          {formatSpan(health.uptime_seconds)}.
        </>
      }
      actions={<Freshness query={query} />}
    >
      <ul aria-label="Checks">
        {health.checks.map((check) => (
          <Row key={check.name} check={check} />
        ))}
      </ul>
    </Section>
  );
}

function Row({ check: { name, state, value, advice } }: { check: HealthCheck }) {
  const { title, about, to } = CHECKS[name];
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 gap-y-1 border-line px-3 py-2.5 not-first:border-t">
      <span className="w-24">
        <CheckBadge state={state} />
      </span>
      <span className="min-w-0 flex-1 basis-48">
        {to ? (
          <Link to={to} className="font-medium text-accent hover:underline">
            {title}
          </Link>
        ) : (
          <span className="font-medium">{title}</span>
        )}{" "}
        <span className="text-meta text-subtle">{about}</span>
      </span>
      <span className="text-muted">{value}</span>
      {advice && (
        <p className="basis-full sm:ps-27">
          <InlineCode text={advice} />
        </p>
      )}
    </li>
  );
}
