import { CircleCheck, CircleDashed, CirclePause, CircleSlash, CircleX, TriangleAlert } from "lucide-react";
import { Badge, type Look } from "~/components/ui/badge";
import { DELIVERY_STATE_NAMES, stateOf, WEBHOOK_STATE_NAMES, type WebhookState } from "~/features/webhooks/state";
import type { DeliveryState, Webhook } from "~/lib/types";

const webhookLooks: Record<WebhookState, Look> = {
  active: [CircleCheck, "text-ok"],
  failing: [TriangleAlert, "text-warn"],
  paused: [CirclePause, "text-subtle"],
  disabled: [CircleX, "text-danger"],
};
const deliveryLooks: Record<DeliveryState, Look> = {
  pending: [CircleDashed, "text-info"],
  delivered: [CircleCheck, "text-ok"],
  failed: [CircleX, "text-danger"],
  cancelled: [CircleSlash, "text-subtle"],
};

export function WebhookBadge({ webhook }: { webhook: Webhook }) {
  const state = stateOf(webhook);
  return <Badge look={webhookLooks[state]} name={WEBHOOK_STATE_NAMES[state]} />;
}

export function DeliveryBadge({ state }: { state: DeliveryState }) {
  return <Badge look={deliveryLooks[state]} name={DELIVERY_STATE_NAMES[state]} />;
}
