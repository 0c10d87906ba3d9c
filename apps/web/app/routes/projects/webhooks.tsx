import { HydrationBoundary, type QueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { EmptyState } from "~/components/ui/states";
import { projectQuery } from "~/features/projects/queries";
import { mayManage, maySeeWebhooks } from "~/features/projects/roles";
import { ManagersPage } from "~/features/webhooks/managers-page";
import { webhooksQuery } from "~/features/webhooks/queries";
import { eventsName } from "~/features/webhooks/state";
import { WebhookBadge } from "~/features/webhooks/state-badge";
import { plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Project, Webhook } from "~/lib/types";
import type { Route } from "./+types/webhooks";

const CreateWebhookDialog = lazy(() => import("~/features/webhooks/create-dialog"));

async function load(client: QueryClient, projectId: string): Promise<void> {
  const project = await client.ensureQueryData(projectQuery(projectId));
  if (maySeeWebhooks(project)) await client.ensureQueryData(webhooksQuery(projectId));
}

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => load(client, args.params.projectId));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => load(client, params.projectId));
}

export default function WebhooksPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <ManagersPage projectId={params.projectId}>{(project) => <Webhooks project={project} />}</ManagersPage>
    </HydrationBoundary>
  );
}

function Webhooks({ project }: { project: Project }) {
  const { data: webhooks } = useSuspenseQuery(webhooksQuery(project.id));
  const [isMaking, setMaking] = useState(false);
  const newButton = mayManage(project) && (
    <Button variant="primary" onPress={() => setMaking(true)}>
      <Plus aria-hidden /> New webhook
    </Button>
  );
  return (
    <>
      {webhooks.length === 0 ? (
        <EmptyState icon={<WebhookIcon />} title="No webhooks yet" action={newButton}>
          A webhook tells another program what happens in this project, such as your chat or your build server.
        </EmptyState>
      ) : (
        <>
          <div className="mb-3 flex items-center justify-between">
            <h2 className="text-heading font-semibold">{plural(webhooks.length, "webhook")}</h2>
            {newButton}
          </div>
          <ul className="overflow-hidden rounded-card border border-line bg-surface">
            {webhooks.map((webhook) => (
              <Row key={webhook.id} webhook={webhook} />
            ))}
          </ul>
        </>
      )}
      <Suspense fallback={null}>
        {isMaking && <CreateWebhookDialog projectId={project.id} onClose={() => setMaking(false)} />}
      </Suspense>
    </>
  );
}

function Row({ webhook }: { webhook: Webhook }) {
  const { id, name, url, events, delivered_count, failed_count, last_success_at } = webhook;
  return (
    <li className="border-b border-line last:border-b-0">
      <Link to={id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-3 py-2 -outline-offset-2 hover:bg-hover">
        <span className="min-w-0 flex-1 max-sm:basis-full">
          <span className="block truncate font-medium">{name}</span>
          <span className="block truncate text-meta text-subtle">{url}</span>
        </span>
        <span className="text-meta text-muted max-md:hidden">{eventsName(events)}</span>
        <span className="text-meta text-muted">
          {delivered_count} delivered, {failed_count} failed
          {last_success_at && (
            <span className="max-sm:hidden">
              {" · "}
              <TimeAgo iso={last_success_at} />
            </span>
          )}
        </span>
        <span className="w-20">
          <WebhookBadge webhook={webhook} />
        </span>
      </Link>
    </li>
  );
}
