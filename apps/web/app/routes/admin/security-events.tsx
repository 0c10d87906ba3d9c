import type { SecurityEventView } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useInfiniteQuery } from "@tanstack/react-query";
import { Download, ShieldCheck } from "lucide-react";
import { useSearchParams } from "react-router";
import { LocalTime } from "~/components/time-ago";
import { Button, LinkButton } from "~/components/ui/button";
import { inputClass, Select } from "~/components/ui/field";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyState } from "~/components/ui/states";
import { Cell, Table } from "~/components/ui/table";
import { EVENT_TYPES, eventName } from "~/features/account/event-names";
import { type EventFilter, eventQueryOf, securityEventsQuery } from "~/features/admin/queries";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/security-events";

export const meta: Route.MetaFunction = () => [{ title: "Security events · SynergyOS" }];

function filterOf(params: URLSearchParams): EventFilter {
  const read = (name: string) => params.get(name) ?? "";
  return { type: read("type"), text: read("q"), ip: read("ip") };
}

const load = (request: Request) => (client: QueryClient) =>
  client.fetchInfiniteQuery({
    ...securityEventsQuery(filterOf(new URL(request.url).searchParams)),
    staleTime: 0,
  });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load(args.request));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load(request));
}

export default function SecurityEventsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <SecurityEvents />
    </HydrationBoundary>
  );
}

function SecurityEvents() {
  const [params, setParams] = useSearchParams();
  const filter = filterOf(params);
  const list = useInfiniteQuery(securityEventsQuery(filter));
  const events = list.data?.pages.flatMap((page) => page.items) ?? [];
  const file = new URLSearchParams({ ...eventQueryOf(filter), format: "csv" });
  return (
    <section aria-labelledby="events">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <h2 id="events" className="me-auto text-heading font-semibold">
          Security events
        </h2>
        <form
          className="contents"
          onSubmit={(event) => {
            event.preventDefault();
            const fields = new FormData(event.currentTarget);
            const chosen = ["type", "q", "ip"].map((name) => [name, String(fields.get(name) ?? "").trim()]);
            setParams(chosen.filter(([, value]) => value) as [string, string][]);
          }}
        >
          <Select
            aria-label="Type"
            name="type"
            defaultValue={filter.type}
            onChange={(event) => event.currentTarget.form?.requestSubmit()}
          >
            <option value="">All types</option>
            {EVENT_TYPES.map((type) => (
              <option key={type} value={type}>
                {eventName(type)}
              </option>
            ))}
          </Select>
          <input
            type="search"
            name="q"
            aria-label="Whom they concern"
            placeholder="Name or username"
            defaultValue={filter.text}
            className={`${inputClass} h-7 w-44 px-2 touch:h-11`}
          />
          <input
            type="search"
            name="ip"
            aria-label="Address or network"
            placeholder="192.0.2.0/24"
            defaultValue={filter.ip}
            className={`${inputClass} h-7 w-36 px-2 touch:h-11`}
          />
          <Button type="submit">Filter</Button>
        </form>
        <LinkButton to={`/api/v1/admin/security-events?${file}`} reloadDocument download>
          <Download aria-hidden /> CSV
        </LinkButton>
      </div>
      <Table
        label="Events"
        columns={["When", "What", "Who", "From", "Details"]}
        footer={
          <>
            {!events.length && !list.isPending && (
              <EmptyState icon={<ShieldCheck />} title="Nothing found">
                No event fits this filter.
              </EmptyState>
            )}
            <ShowOlder list={list} className="border-t border-line" />
          </>
        }
      >
        {events.map((event) => (
          <Row key={event.id} event={event} />
        ))}
      </Table>
    </section>
  );
}

function Row({ event }: { event: SecurityEventView }) {
  const detail = Object.entries(event.detail).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return (
    <tr>
      <Cell className="align-top whitespace-nowrap text-muted">
        <LocalTime iso={event.created_at} />
      </Cell>
      <Cell className="align-top font-medium">{eventName(event.type)}</Cell>
      <Cell className="align-top">
        {event.user ? `${event.user.name} (@${event.user.username})` : event.username_tried}
      </Cell>
      <Cell className="align-top text-muted" title={event.user_agent ?? undefined}>
        {event.ip}
      </Cell>
      <Cell className="align-top text-meta text-subtle wrap-anywhere">{detail.join(" · ")}</Cell>
    </tr>
  );
}
