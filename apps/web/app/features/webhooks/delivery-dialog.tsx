import { useQuery } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Code } from "~/components/ui/code";
import { Dialog } from "~/components/ui/dialog";
import { NotLoaded, Skeleton } from "~/components/ui/states";
import { useRedeliver } from "~/features/webhooks/mutations";
import { NextAttempt } from "~/features/webhooks/next-attempt";
import { deliveryQuery } from "~/features/webhooks/queries";
import { DeliveryBadge } from "~/features/webhooks/state-badge";
import { formatDuration } from "~/lib/format";
import type { Delivery } from "~/lib/types";

interface DeliveryDialogProps {
  deliveryId: string;
  /** Whether its webhook sends at all. */
  isActive: boolean;
  onOpen: (deliveryId: string) => void;
  onClose: () => void;
}

/** One message with its content and every attempt, and the button that sends it again. */
export default function DeliveryDialog({ deliveryId, isActive, onOpen, onClose }: DeliveryDialogProps) {
  const { data: delivery, error } = useQuery(deliveryQuery(deliveryId));
  return (
    <Dialog title={delivery ? `Delivery of ${delivery.type}` : "Delivery"} isOpen onOpenChange={onClose} isWide>
      {error && !delivery && <NotLoaded error={error} className="py-4" />}
      {!delivery && !error && <Skeleton className="h-60" />}
      {delivery && <Content delivery={delivery} isActive={isActive} onOpen={onOpen} />}
    </Dialog>
  );
}

interface ContentProps extends Pick<DeliveryDialogProps, "isActive" | "onOpen"> {
  delivery: Delivery;
}

function Content({ delivery, isActive, onOpen }: ContentProps) {
  const { mutate: redeliver, isPending } = useRedeliver();
  const { state, created_at, next_attempt_at, message_id, attempts, payload } = delivery;
  const mayRedeliver = isActive && state !== "pending";
  return (
    <div className="flex flex-col gap-4 pt-1">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <span role="status">
          <DeliveryBadge state={state} />
        </span>
        <span className="text-muted">
          Made <TimeAgo iso={created_at} />
          {state === "pending" && next_attempt_at && attempts.length > 0 && (
            <>
              {", "}
              <NextAttempt iso={next_attempt_at} />
            </>
          )}
        </span>
        <Button
          className="ms-auto"
          isDisabled={!mayRedeliver}
          isPending={isPending}
          onPress={() => redeliver(delivery.id, { onSuccess: (again) => onOpen(again.id) })}
        >
          <RotateCw aria-hidden /> Send again
        </Button>
      </div>
      {!mayRedeliver && (
        <p className="-mt-2 text-meta text-subtle">
          {isActive
            ? "It is tried again by itself until it is over."
            : "The webhook is not active, so nothing is sent."}
        </p>
      )}
      <section aria-labelledby="attempts">
        <h3 id="attempts" className="mb-1 font-medium">
          Attempts
        </h3>
        {attempts.length === 0 ? (
          <p className="text-muted">None yet.</p>
        ) : (
          <ol className="overflow-hidden rounded-card border border-line">
            {attempts.map((attempt) => (
              <Attempt key={attempt.number} attempt={attempt} />
            ))}
          </ol>
        )}
      </section>
      <section aria-labelledby="content">
        <h3 id="content" className="mb-1 font-medium">
          Content
        </h3>
        <p className="mb-1 text-meta text-subtle">
          webhook-id <code className="font-mono select-all">{message_id}</code>
        </p>
        <Code label="Content of the message">{JSON.stringify(payload, null, 2)}</Code>
      </section>
    </div>
  );
}

function Attempt({ attempt }: { attempt: Delivery["attempts"][number] }) {
  const { number, status, duration_ms, started_at, error, response } = attempt;
  return (
    <li className="flex flex-col gap-1 border-b border-line px-3 py-2 last:border-b-0">
      <p className="flex flex-wrap items-center gap-x-3">
        <span className="text-subtle">#{number}</span>
        <span className="font-medium">{status === null ? "No answer" : `Status ${status}`}</span>
        <span className="text-muted">{formatDuration(duration_ms)}</span>
        <span className="ms-auto text-meta text-subtle">
          <TimeAgo iso={started_at} />
        </span>
      </p>
      {error && <p className="text-danger [overflow-wrap:anywhere]">{error}</p>}
      {response && (
        <details>
          <summary className="text-meta text-muted">Answer of the receiver</summary>
          <Code label={`Answer to attempt ${number}`}>{response}</Code>
        </details>
      )}
    </li>
  );
}
