import { useInfiniteQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { Link } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Select } from "~/components/ui/field";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyCard, Skeleton } from "~/components/ui/states";
import { NextAttempt } from "~/features/webhooks/next-attempt";
import { deliveriesQuery } from "~/features/webhooks/queries";
import { DELIVERY_STATE_NAMES, DELIVERY_STATES, deliveryStateOf } from "~/features/webhooks/state";
import { DeliveryBadge } from "~/features/webhooks/state-badge";
import { plural } from "~/lib/format";
import type { DeliveryRow, Webhook } from "~/lib/types";
import { useAddressParams } from "~/lib/use-address-params";

const DeliveryDialog = lazy(() => import("~/features/webhooks/delivery-dialog"));

const ORIGIN_NAMES: Record<DeliveryRow["origin"], string> = {
  event: "",
  test: "test",
  redelivery: "sent again",
  replay: "replayed",
};

/** What was sent to an endpoint, and what became of it; `?state=` narrows it and `?delivery=` opens one. */
export function Deliveries({ webhook, testButton }: { webhook: Webhook; testButton: ReactNode }) {
  const [params, go] = useAddressParams();
  const state = deliveryStateOf(params);
  const openId = params.get("delivery");
  const list = useInfiniteQuery(deliveriesQuery(webhook.id, state));
  const { data, isPending } = list;
  const deliveries = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-labelledby="deliveries">
      <div className="mb-3 flex items-center justify-between gap-2">
        <h2 id="deliveries" className="text-heading font-semibold">
          Deliveries
        </h2>
        <Select
          aria-label="State of deliveries"
          value={state ?? ""}
          onChange={(event) => go({ state: event.target.value })}
        >
          <option value="">All</option>
          {DELIVERY_STATES.map((choice) => (
            <option key={choice} value={choice}>
              {DELIVERY_STATE_NAMES[choice]}
            </option>
          ))}
        </Select>
      </div>
      {isPending && <Skeleton className="h-40" />}
      {data &&
        deliveries.length === 0 &&
        (state ? (
          <EmptyCard
            icon={<Send />}
            title={`None is ${DELIVERY_STATE_NAMES[state].toLowerCase()}`}
            action={<Button onPress={() => go({ state: null })}>Show all</Button>}
          >
            Deliveries of the last 30 days are kept.
          </EmptyCard>
        ) : (
          <EmptyCard icon={<Send />} title="Nothing was sent yet" action={testButton}>
            Whatever happens in the project is listed here when it was sent. Try it with a test.
          </EmptyCard>
        ))}
      {deliveries.length > 0 && (
        <ul className="overflow-hidden rounded-card border border-line bg-surface">
          {deliveries.map((delivery) => (
            <Row key={delivery.id} delivery={delivery} state={state} />
          ))}
        </ul>
      )}
      <ShowOlder list={list} />
      {openId && (
        <Suspense fallback={null}>
          <DeliveryDialog
            key={openId}
            deliveryId={openId}
            isActive={webhook.is_active}
            onOpen={(id) => go({ delivery: id })}
            onClose={() => go({ delivery: null })}
          />
        </Suspense>
      )}
    </section>
  );
}

function Row({ delivery, state }: { delivery: DeliveryRow; state: string | null }) {
  const { id, type, origin, attempt_count, last_status, last_error, created_at, next_attempt_at } = delivery;
  const search = new URLSearchParams({ ...(state && { state }), delivery: id });
  return (
    <li className="border-b border-line last:border-b-0">
      <Link
        to={{ search: String(search) }}
        replace
        preventScrollReset
        className="flex min-h-9 flex-wrap items-center gap-x-3 px-3 py-1.5 -outline-offset-2 hover:bg-hover touch:min-h-12"
      >
        <span className="w-28">
          <DeliveryBadge state={delivery.state} />
        </span>
        <code className="font-mono text-meta">{type}</code>
        {ORIGIN_NAMES[origin] && (
          <span className="rounded-chip bg-hover px-1.5 text-label text-muted">{ORIGIN_NAMES[origin]}</span>
        )}
        <span className="min-w-0 flex-1 truncate text-meta text-muted max-sm:order-last max-sm:basis-full">
          {[
            attempt_count > 0 && plural(attempt_count, "attempt"),
            last_error ?? (last_status && `status ${last_status}`),
          ]
            .filter(Boolean)
            .join(" · ")}
          {delivery.state === "pending" && attempt_count > 0 && next_attempt_at && (
            <>
              {" · "}
              <NextAttempt iso={next_attempt_at} />
            </>
          )}
        </span>
        <span className="ms-auto text-meta text-subtle">
          <TimeAgo iso={created_at} />
        </span>
      </Link>
    </li>
  );
}
