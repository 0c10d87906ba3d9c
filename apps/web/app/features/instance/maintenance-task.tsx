import type { MaintenanceTaskView, RecordView } from "@synergy/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { LocalTime, TimeAgo } from "~/components/time-ago";
import { CopyButton } from "~/components/ui/copy-button";
import { InlineCode } from "~/components/ui/inline-code";
import { ShowOlder } from "~/components/ui/show-older";
import { NotLoaded, Skeleton } from "~/components/ui/states";
import { HOW_NAMES } from "~/features/instance/maintenance";
import { maintenanceRecordsQuery } from "~/features/instance/queries";
import { MaintenanceBadge, OutcomeBadge } from "~/features/instance/state-badges";

/** A task of the lists; opened, it says how to do it and what was recorded. */
export function MaintenanceTask({ task }: { task: MaintenanceTaskView }) {
  const [isOpen, setOpen] = useState(false);
  const { title, state, last, due_at } = task;
  return (
    <li className="border-line not-first:border-t">
      <details onToggle={(event) => setOpen(event.currentTarget.open)} className="group">
        <summary className="flex min-h-9 cursor-pointer list-none flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2 -outline-offset-2 hover:bg-hover touch:min-h-12">
          <ChevronRight aria-hidden className="size-4 shrink-0 text-subtle transition-transform group-open:rotate-90" />
          <span className="w-32">
            <MaintenanceBadge state={state} />
          </span>
          <span className="min-w-0 flex-1 basis-48 font-medium">{title}</span>
          <span className="text-meta text-subtle">
            {last ? (
              <>
                Last <TimeAgo iso={last.finished_at} />
              </>
            ) : (
              "Never"
            )}
            {due_at && (
              <>
                {" · due "}
                <TimeAgo iso={due_at} />
              </>
            )}
          </span>
        </summary>
        <div className="flex flex-col gap-3 px-3 pt-1 pb-4 sm:ps-10">
          <HowTo task={task} />
          {isOpen && <Records task={task.task} />}
        </div>
      </details>
    </li>
  );
}

function HowTo({ task: { how, help, command, checks, title } }: { task: MaintenanceTaskView }) {
  return (
    <div>
      <h3 className="mb-1 font-medium">How</h3>
      <p className="text-muted">
        {HOW_NAMES[how]} <InlineCode text={help} />
      </p>
      {checks.length > 0 && (
        <ul aria-label="What to look at" className="mt-1 list-disc ps-5 text-muted">
          {checks.map((check) => (
            <li key={check}>{check}</li>
          ))}
        </ul>
      )}
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <code className="rounded-control border border-line bg-sunken px-2.5 py-1 font-mono text-meta wrap-anywhere">
          {command}
        </code>
        <CopyButton text={command} label={`Copy the command for ${title}`} />
      </div>
    </div>
  );
}

function Records({ task }: { task: string }) {
  const list = useInfiniteQuery(maintenanceRecordsQuery(task));
  const { data, error } = list;
  const records = data?.pages.flatMap((page) => page.items);
  return (
    <div>
      <h3 className="mb-1 font-medium">What was recorded</h3>
      {!records && !error && <Skeleton className="h-16" />}
      {!records && error && <NotLoaded error={error} />}
      {records?.length === 0 && <p className="text-muted">Nothing yet.</p>}
      {records && records.length > 0 && (
        <ol className="overflow-hidden rounded-card border border-line">
          {records.map((record) => (
            <Record key={record.id} record={record} />
          ))}
        </ol>
      )}
      <ShowOlder list={list} />
    </div>
  );
}

function Record({ record: { outcome, finished_at, done_by, summary } }: { record: RecordView }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 border-b border-line px-3 py-2 last:border-b-0">
      <span className="w-24">
        <OutcomeBadge outcome={outcome} />
      </span>
      <span className="min-w-0 flex-1 basis-48 wrap-anywhere">{summary}</span>
      <span className="text-meta text-subtle">
        {done_by}, <LocalTime iso={finished_at} />
      </span>
    </li>
  );
}
