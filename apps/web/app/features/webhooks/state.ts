import { plural } from "~/lib/format";
import type { DeliveryState, Webhook } from "~/lib/types";

export type WebhookState = "active" | "failing" | "paused" | "disabled";

export const WEBHOOK_STATE_NAMES: Record<WebhookState, string> = {
  active: "Active",
  failing: "Failing",
  paused: "Paused",
  disabled: "Disabled",
};

export const DELIVERY_STATES: readonly DeliveryState[] = ["pending", "delivered", "failed", "cancelled"];

export const DELIVERY_STATE_NAMES: Record<DeliveryState, string> = {
  pending: "On its way",
  delivered: "Delivered",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** How an endpoint does: paused by a person, disabled by the system after nothing but failures. */
export function stateOf({
  is_active,
  disabled_at,
  failing_since,
}: Pick<Webhook, "is_active" | "disabled_at" | "failing_since">): WebhookState {
  if (!is_active) return disabled_at ? "disabled" : "paused";
  return failing_since ? "failing" : "active";
}

/** What an endpoint subscribes to, in few words. */
export function eventsName(events: Webhook["events"]): string {
  if (events === "*") return "All events";
  return events.length === 1 ? String(events[0]) : plural(events.length, "kind of event", "kinds of events");
}

/** The state of deliveries that an address asks for; null for all. */
export function deliveryStateOf(params: URLSearchParams): DeliveryState | null {
  const wanted = params.get("state");
  return DELIVERY_STATES.find((state) => state === wanted) ?? null;
}
