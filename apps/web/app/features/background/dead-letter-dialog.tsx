import type { JobView } from "@synergy/client";
import { useQuery } from "@tanstack/react-query";
import { RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { LocalTime } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Code } from "~/components/ui/code";
import { Dialog } from "~/components/ui/dialog";
import { NotLoaded, Skeleton } from "~/components/ui/states";
import { toastDone } from "~/components/ui/toast";
import { MESSAGE } from "~/features/background/jobs";
import { useDeleteJob, useRetryJob } from "~/features/background/mutations";
import { jobQuery } from "~/features/background/queries";
import { formatDuration } from "~/lib/format";

/** One job that was given up: what it was to do, why it failed, and what to do with it. */
export default function DeadLetterDialog({ jobId, onClose }: { jobId: string; onClose: () => void }) {
  const { data: job, error } = useQuery(jobQuery(jobId));
  return (
    <Dialog title={job ? job.name : "Dead letter"} isOpen onOpenChange={onClose} isWide>
      {error && !job && <NotLoaded error={error} className="py-4" />}
      {!job && !error && <Skeleton className="h-60" />}
      {job && <Content job={job} onClose={onClose} />}
    </Dialog>
  );
}

function Content({ job, onClose }: { job: JobView; onClose: () => void }) {
  const { id, name, queue, state, error, payload, history, request_id, created_at, died_at } = job;
  const isDead = state === "dead";
  return (
    <div className="flex flex-col gap-4 pt-1">
      <p className="text-muted">
        Queue {queue}, made <LocalTime iso={created_at} />
        {died_at && (
          <>
            , given up <LocalTime iso={died_at} />
          </>
        )}
        .
        {request_id && (
          <>
            {" "}
            Request <code className="font-mono text-meta select-all">{request_id}</code>.
          </>
        )}
      </p>
      {error && (
        <section aria-labelledby="error">
          <h3 id="error" className="mb-1 font-medium">
            Last error
          </h3>
          <Code label="Text of the last error">{error}</Code>
        </section>
      )}
      <section aria-labelledby="payload">
        <h3 id="payload" className="mb-1 font-medium">
          What it was to do
        </h3>
        <Code label="Payload">{JSON.stringify(payload, null, 2)}</Code>
      </section>
      <section aria-labelledby="tries">
        <h3 id="tries" className="mb-1 font-medium">
          Tries
        </h3>
        {history.length === 0 ? (
          <p className="text-muted">None is recorded.</p>
        ) : (
          <ol className="overflow-hidden rounded-card border border-line">
            {history.map((attempt) => (
              <li
                key={attempt.attempt}
                className="flex flex-wrap gap-x-3 border-b border-line px-3 py-2 last:border-b-0"
              >
                <span className="text-subtle">#{attempt.attempt}</span>
                <span className="min-w-0 flex-1 basis-48 wrap-anywhere">{attempt.error}</span>
                <span className="text-meta text-subtle">
                  {formatDuration(Math.round(attempt.duration_ms))}, <LocalTime iso={attempt.at} />
                </span>
              </li>
            ))}
          </ol>
        )}
      </section>
      {isDead ? (
        <Actions id={id} name={name} onClose={onClose} />
      ) : (
        <p role="status" className="text-muted">
          It waits to be done again.
        </p>
      )}
    </div>
  );
}

function Actions({ id, name, onClose }: { id: string; name: string; onClose: () => void }) {
  const { mutate: retry, isPending: isRetrying } = useRetryJob();
  const { mutate: remove, isPending: isDeleting } = useDeleteJob();
  const [isAsking, setAsking] = useState(false);
  const done = (message: string) => () => {
    onClose();
    toastDone(message);
  };
  if (isAsking) {
    return (
      <div
        role="alert"
        className="flex flex-wrap items-center gap-2 rounded-control border border-danger/40 bg-danger/8 px-3 py-2"
      >
        <p className="min-w-60 flex-1">
          It is gone for good, and what it was to do is never done. This cannot be undone.
        </p>
        <Button autoFocus onPress={() => setAsking(false)}>
          Keep it
        </Button>
        <Button
          variant="danger"
          isPending={isDeleting}
          onPress={() => remove(id, { onSuccess: done(`${name} is deleted.`) })}
        >
          Delete for good
        </Button>
      </div>
    );
  }
  return (
    <div className="flex flex-wrap items-center justify-end gap-2">
      {name === MESSAGE && (
        <p className="me-auto text-meta text-subtle">Something in the queue that names no job: nothing could do it.</p>
      )}
      <Button variant="danger" size="md" onPress={() => setAsking(true)}>
        <Trash2 aria-hidden /> Delete
      </Button>
      {name !== MESSAGE && (
        <Button
          variant="primary"
          size="md"
          isPending={isRetrying}
          onPress={() => retry(id, { onSuccess: done(`${name} is sent again.`) })}
        >
          <RotateCw aria-hidden /> Send again
        </Button>
      )}
    </div>
  );
}
