import { HydrationBoundary, type QueryClient, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { ChevronLeft, CirclePause, CirclePlay, Send } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Link, useSearchParams } from "react-router";
import { LocalTime, TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { projectQuery } from "~/features/projects/queries";
import { maySeeWebhooks } from "~/features/projects/roles";
import { Deliveries } from "~/features/webhooks/deliveries";
import { ManagersPage } from "~/features/webhooks/managers-page";
import { useActivateWebhook, useSendTest } from "~/features/webhooks/mutations";
import { deliveriesQuery, webhookQuery } from "~/features/webhooks/queries";
import { deliveryStateOf, eventsName } from "~/features/webhooks/state";
import { WebhookBadge } from "~/features/webhooks/state-badge";
import { plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Webhook } from "~/lib/types";
import type { Route } from "./+types/webhook";

const WebhookMenu = lazy(() => import("~/features/webhooks/webhook-menu"));

interface Params {
  projectId: string;
  webhookId: string;
}

async function load(client: QueryClient, { projectId, webhookId }: Params, request: Request): Promise<void> {
  const project = await client.ensureQueryData(projectQuery(projectId));
  if (!maySeeWebhooks(project)) return;
  const state = deliveryStateOf(new URL(request.url).searchParams);
  await Promise.all([
    client.fetchQuery(webhookQuery(webhookId)),
    client.ensureInfiniteQueryData(deliveriesQuery(webhookId, state)),
  ]);
}

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => load(client, args.params, args.request));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => load(client, params, request));
}

export default function WebhookPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <ManagersPage projectId={params.projectId}>{() => <WebhookDetail webhookId={params.webhookId} />}</ManagersPage>
    </HydrationBoundary>
  );
}

function WebhookDetail({ webhookId }: { webhookId: string }) {
  const { data: webhook } = useSuspenseQuery(webhookQuery(webhookId));
  const { mutate: activate, isPending: isSwitching } = useActivateWebhook(webhookId);
  const { mutate: sendTest, isPending: isSending } = useSendTest(webhookId);
  const [, setParams] = useSearchParams();
  useFreshCounters(webhookId);
  const testButton = (
    <Button
      variant="primary"
      isDisabled={!webhook.is_active}
      isPending={isSending}
      onPress={() =>
        sendTest(undefined, {
          onSuccess: ({ id }) => setParams({ delivery: id }, { replace: true, preventScrollReset: true }),
        })
      }
    >
      <Send aria-hidden /> Send a test
    </Button>
  );
  return (
    <>
      <Link
        to=".."
        relative="path"
        className="mb-2 -ms-1 inline-flex items-center gap-0.5 rounded-chip text-muted hover:text-text touch:min-h-11"
      >
        <ChevronLeft aria-hidden className="size-4" /> All webhooks
      </Link>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <div className="flex min-w-0 flex-1 items-center gap-3 max-sm:basis-full">
          <h2 className="truncate text-heading font-semibold">{webhook.name}</h2>
          <span role="status">
            <WebhookBadge webhook={webhook} />
          </span>
        </div>
        <Button isPending={isSwitching} onPress={() => activate(!webhook.is_active)}>
          {webhook.is_active ? <CirclePause aria-hidden /> : <CirclePlay aria-hidden />}
          {webhook.is_active ? "Pause" : "Activate"}
        </Button>
        {testButton}
        <Suspense fallback={<span className="size-7 touch:size-11" />}>
          <WebhookMenu webhook={webhook} />
        </Suspense>
      </div>
      {webhook.disabled_reason && (
        <p className="mb-3 rounded-control border border-danger/40 bg-danger/8 px-3 py-2">
          {webhook.disabled_reason} Mend the receiver, then activate the webhook.
        </p>
      )}
      <Facts webhook={webhook} />
      <Deliveries webhook={webhook} testButton={testButton} />
    </>
  );
}

/** Counters and state change when deliveries do. */
function useFreshCounters(webhookId: string): void {
  const client = useQueryClient();
  useEffect(() => {
    const seen = new Map<string, string>();
    return client.getQueryCache().subscribe(({ type, query: { queryKey, queryHash, state } }) => {
      const isOfDeliveries = queryKey[0] === "webhook-delivery" || queryKey[2] === "deliveries";
      if (type !== "updated" || !isOfDeliveries || !state.data) return;
      const now = JSON.stringify(state.data);
      if (now === seen.get(queryHash)) return;
      seen.set(queryHash, now);
      client.invalidateQueries({ queryKey: webhookQuery(webhookId).queryKey, exact: true });
    });
  }, [client, webhookId]);
}

function Facts({ webhook }: { webhook: Webhook }) {
  const { url, events, created_by, created_at, delivered_count, failed_count } = webhook;
  const { last_success_at, last_failure_at, failing_since, consecutive_failures, previous_secret_until } = webhook;
  return (
    <dl className="mb-6 grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1 rounded-card border border-line bg-surface p-3">
      <Fact name="Address">
        <span className="select-all [overflow-wrap:anywhere]">{url}</span>
      </Fact>
      <Fact name="Events">{events === "*" || events.length < 2 ? eventsName(events) : [...events].join(", ")}</Fact>
      <Fact name="Delivered">
        {delivered_count}
        {last_success_at && (
          <span className="text-subtle">
            {", last "}
            <TimeAgo iso={last_success_at} />
          </span>
        )}
      </Fact>
      <Fact name="Failed">
        {failed_count}
        {last_failure_at && (
          <span className="text-subtle">
            {", last "}
            <TimeAgo iso={last_failure_at} />
          </span>
        )}
      </Fact>
      {failing_since && (
        <Fact name="Failing">
          {plural(consecutive_failures, "attempt")} without success, the first <TimeAgo iso={failing_since} />
        </Fact>
      )}
      {previous_secret_until && (
        <Fact name="Secret">
          changed; the previous one signs too until <LocalTime iso={previous_secret_until} />
        </Fact>
      )}
      <Fact name="Made by">
        {created_by.name}, <TimeAgo iso={created_at} />
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}
