import type { BackupRecord } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { Archive, ShieldCheck, TriangleAlert } from "lucide-react";
import { LocalTime } from "~/components/time-ago";
import { cx } from "~/components/ui/cx";
import { Freshness } from "~/components/ui/freshness";
import { InlineCode } from "~/components/ui/inline-code";
import { EmptyCard } from "~/components/ui/states";
import { Cell, Table } from "~/components/ui/table";
import { contentsOf, factsOf, type Statement, statementOf, TASK_NAMES } from "~/features/instance/backups";
import { backupsQuery } from "~/features/instance/queries";
import { OutcomeBadge } from "~/features/instance/state-badges";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/backups";

export const meta: Route.MetaFunction = () => [{ title: "Backups · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery({ ...backupsQuery, staleTime: 0 });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function BackupsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Backups />
    </HydrationBoundary>
  );
}

const LISTS: readonly [key: "proofs" | "backups" | "offsite_copies", title: string, empty: string][] = [
  ["proofs", "Drills and restores", "The backup container tries to restore the last backup each night."],
  ["backups", "Backups", "The backup container takes one each night."],
  ["offsite_copies", "Copies elsewhere", "There are some once the operator has named a place for them."],
];

function Backups() {
  const query = useQuery(backupsQuery);
  const { data: view } = query;
  if (!view) return null;
  return (
    <>
      <section aria-labelledby="standing">
        <div className="mb-3 flex flex-wrap items-end justify-between gap-3">
          <h2 id="standing" className="text-heading font-semibold">
            Whether they can be trusted
          </h2>
          <Freshness query={query} />
        </div>
        <div className="flex flex-col gap-3">
          <StatementCard statement={statementOf("restore", view.restore, view.proofs[0])} />
          <StatementCard statement={statementOf("backup", view.backup, view.backups[0])} />
        </div>
      </section>
      {LISTS.map(([key, title, empty]) => (
        <Records key={key} title={title} empty={empty} records={view[key]} />
      ))}
    </>
  );
}

/** The one sentence to be read from afar. */
function StatementCard({ statement: { isAlarm, text, more } }: { statement: Statement }) {
  const Icon = isAlarm ? TriangleAlert : ShieldCheck;
  return (
    <div
      role={isAlarm ? "alert" : undefined}
      className={cx(
        "flex items-start gap-3 rounded-card border px-4 py-3",
        isAlarm ? "border-danger/40 bg-danger/8" : "border-line bg-surface",
      )}
    >
      <Icon aria-hidden className={cx("mt-1 size-5 shrink-0", isAlarm ? "text-danger" : "text-ok")} />
      <div className="min-w-0">
        {/* How long ago it was changes between server and browser. */}
        <p suppressHydrationWarning className="text-page font-semibold">
          {text}
        </p>
        {more && (
          <p suppressHydrationWarning className="text-muted wrap-anywhere">
            <InlineCode text={more} />
          </p>
        )}
      </div>
    </div>
  );
}

function Records({ title, empty, records }: { title: string; empty: string; records: readonly BackupRecord[] }) {
  return (
    <section aria-label={title}>
      <h2 className="mb-3 text-heading font-semibold">{title}</h2>
      {records.length === 0 ? (
        <EmptyCard icon={<Archive />} title="None is recorded yet">
          {empty}
        </EmptyCard>
      ) : (
        <Table label={`Recent: ${title}`} columns={["When", "What", "Outcome", "Contents", "What is known"]}>
          {records.map((record) => (
            <Row key={record.id} record={record} />
          ))}
        </Table>
      )}
    </section>
  );
}

function Row({ record }: { record: BackupRecord }) {
  const { task, outcome, finished_at, summary, backup, differences } = record;
  return (
    <tr>
      <Cell className="align-top whitespace-nowrap text-muted">
        <LocalTime iso={finished_at} />
      </Cell>
      <Cell className="align-top whitespace-nowrap">
        <span className="font-medium">{TASK_NAMES[task] ?? task}</span>
        {backup && <code className="block font-mono text-meta text-subtle">{backup}</code>}
      </Cell>
      <Cell className="align-top">
        <OutcomeBadge outcome={outcome} />
      </Cell>
      <Cell className="align-top whitespace-nowrap">{contentsOf(record)}</Cell>
      <Cell className="min-w-64 align-top text-muted wrap-anywhere">
        {[factsOf(record), summary].filter(Boolean).join(" · ")}
        {differences && differences.length > 0 && (
          <ul aria-label="Differences" className="mt-1 list-disc ps-4 text-danger">
            {differences.map((difference) => (
              <li key={difference}>{difference}</li>
            ))}
          </ul>
        )}
      </Cell>
    </tr>
  );
}
