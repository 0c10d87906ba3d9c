import type { JobView } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useInfiniteQuery } from "@tanstack/react-query";
import { MailCheck, RotateCw } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Select } from "~/components/ui/field";
import { Freshness } from "~/components/ui/freshness";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyCard } from "~/components/ui/states";
import { Cell, Table } from "~/components/ui/table";
import { toastDone } from "~/components/ui/toast";
import { MESSAGE } from "~/features/background/jobs";
import { useRetryJobs } from "~/features/background/mutations";
import { deadLettersQuery } from "~/features/background/queries";
import { plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import { useAddressParams } from "~/lib/use-address-params";
import type { Route } from "./+types/dead-letters";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));
const DeadLetterDialog = lazy(() => import("~/features/background/dead-letter-dialog"));

export const meta: Route.MetaFunction = () => [{ title: "Dead letters · SynergyOS" }];

// Opening a letter waits for nothing: a list that is there already is renewed while it is shown.
const load = (request: Request) => (client: QueryClient) =>
  client.ensureInfiniteQueryData(deadLettersQuery(new URL(request.url).searchParams.get("kind") ?? ""));

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load(args.request));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load(request));
}

export default function DeadLettersPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <DeadLetters />
    </HydrationBoundary>
  );
}

/** What background work was given up; `?kind=` narrows it and `?job=` opens one. */
function DeadLetters() {
  const [params, go] = useAddressParams();
  const kind = params.get("kind") ?? "";
  const openId = params.get("job");
  const list = useInfiniteQuery(deadLettersQuery(kind));
  const { mutate: retry, isPending: isRetrying } = useRetryJobs();
  const [isAsking, setAsking] = useState(false);
  const jobs = list.data?.pages.flatMap((page) => page.items) ?? [];
  const kinds = [...new Set([...jobs.map((job) => job.name), ...(kind ? [kind] : [])])].sort();
  return (
    <section aria-labelledby="dead-letters">
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <div className="me-auto min-w-0">
          <h2 id="dead-letters" className="text-heading font-semibold">
            Dead letters
          </h2>
          <p className="text-muted">Jobs that were given up. Mend what their errors say, then send them again.</p>
        </div>
        <Freshness query={list} />
        <Select aria-label="Kind of job" value={kind} onChange={(event) => go({ kind: event.target.value })}>
          <option value="">All kinds</option>
          {kinds.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </Select>
        {jobs.length > 0 && kind !== MESSAGE && (
          <Button isPending={isRetrying} onPress={() => setAsking(true)}>
            <RotateCw aria-hidden /> {kind ? "Send all of this kind again" : "Send all again"}
          </Button>
        )}
      </div>
      {list.data && jobs.length === 0 && (
        <EmptyCard
          icon={<MailCheck />}
          title={kind ? "None of this kind" : "No dead letters"}
          action={kind && <Button onPress={() => go({ kind: null })}>Show all kinds</Button>}
        >
          Every job was done, or is tried again by itself.
        </EmptyCard>
      )}
      {jobs.length > 0 && (
        <Table
          label="Jobs that were given up"
          columns={["Kind", "Last error", "Tries", "Given up"]}
          footer={<ShowOlder list={list} className="border-t border-line" />}
        >
          {jobs.map((job) => (
            <Row key={job.id} job={job} kind={kind} />
          ))}
        </Table>
      )}
      <Suspense fallback={null}>
        {openId && <DeadLetterDialog key={openId} jobId={openId} onClose={() => go({ job: null })} />}
        {isAsking && (
          <ConfirmDialog
            title={kind ? `Send all dead letters of ${kind} again?` : "Send all dead letters again?"}
            action="Send again"
            isOpen
            onOpenChange={setAsking}
            onConfirm={() =>
              retry(kind || null, {
                onSuccess: ({ retried }) => toastDone(`${plural(retried, "job")} sent again.`),
              })
            }
          >
            Each gets five new tries. What fails for the same reason comes back here.
          </ConfirmDialog>
        )}
      </Suspense>
    </section>
  );
}

function Row({ job, kind }: { job: JobView; kind: string }) {
  const { id, name, error, attempts, died_at } = job;
  const search = new URLSearchParams({ ...(kind && { kind }), job: id });
  return (
    <tr>
      <Cell className="align-top whitespace-nowrap">
        <Link
          to={{ search: String(search) }}
          replace
          preventScrollReset
          className="font-mono text-meta font-medium text-accent hover:underline"
        >
          {name}
        </Link>
      </Cell>
      <Cell className="min-w-64 align-top text-muted">
        <span className="line-clamp-2 wrap-anywhere">{error}</span>
      </Cell>
      <Cell className="align-top">{attempts}</Cell>
      <Cell className="align-top text-muted">{died_at && <TimeAgo iso={died_at} />}</Cell>
    </tr>
  );
}
