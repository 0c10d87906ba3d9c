import { getDelivery, getWebhook, listDeliveries, listWebhookEvents, listWebhooks } from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { DeliveryRow, DeliveryState } from "~/lib/types";

/** Deliveries are not in the event stream: what is on its way is asked for, sooner when it will be over soon. */
const SOON_MS = 1_500;
const LATER_MS = 10_000;

export const webhooksQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "webhooks"],
    queryFn: async ({ client, signal }) =>
      (await answer(listWebhooks({ client: apiOf(client), signal, path: { project_id: projectId } }))).items,
    staleTime: 0,
  });

export const webhookQuery = (webhookId: string) =>
  queryOptions({
    queryKey: ["webhook", webhookId],
    queryFn: ({ client, signal }) =>
      answer(getWebhook({ client: apiOf(client), signal, path: { webhook_id: webhookId } })),
  });

export const webhookEventsQuery = queryOptions({
  queryKey: ["webhook-events"],
  queryFn: async ({ client, signal }) => (await answer(listWebhookEvents({ client: apiOf(client), signal }))).items,
  staleTime: Number.POSITIVE_INFINITY,
});

/** When to ask again, while the page is looked at. */
export function askAgainIn(deliveries: readonly Pick<DeliveryRow, "state" | "next_attempt_at">[], now: number): number {
  const isSoon = deliveries.some(
    ({ state, next_attempt_at: next }) => state === "pending" && (!next || Date.parse(next) - now < LATER_MS),
  );
  return isSoon ? SOON_MS : LATER_MS;
}

export const deliveriesQuery = (webhookId: string, state: DeliveryState | null) =>
  infiniteQueryOptions({
    queryKey: ["webhook", webhookId, "deliveries", state],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listDeliveries({
          client: apiOf(client),
          signal,
          path: { webhook_id: webhookId },
          query: { limit: 30, ...(state && { state }), ...(pageParam && { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: ({ state: { data } }) => askAgainIn(data?.pages.flatMap((page) => page.items) ?? [], Date.now()),
  });

export const deliveryQuery = (deliveryId: string) =>
  queryOptions({
    queryKey: ["webhook-delivery", deliveryId],
    queryFn: ({ client, signal }) =>
      answer(getDelivery({ client: apiOf(client), signal, path: { delivery_id: deliveryId } })),
    refetchInterval: ({ state: { data } }) => (data?.state === "pending" ? askAgainIn([data], Date.now()) : false),
  });
