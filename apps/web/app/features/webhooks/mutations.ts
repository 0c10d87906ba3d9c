import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  type ReplayInput,
  redeliver,
  replayWebhook,
  rotateWebhookSecret,
  testWebhook,
  type WebhookChange,
  type WebhookInput,
} from "@synergy/client";
import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError, toastUnlessAnswered } from "~/components/ui/toast";
import { deliveryQuery, webhookQuery, webhooksQuery } from "~/features/webhooks/queries";
import { answer, newerOf } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { Delivery, Webhook } from "~/lib/types";

function storeWebhook(client: QueryClient, webhook: Webhook): void {
  client.setQueryData(webhookQuery(webhook.id).queryKey, webhook);
  client.invalidateQueries({ queryKey: webhooksQuery(webhook.project_id).queryKey });
}

function storeDelivery(client: QueryClient, delivery: Delivery): void {
  client.setQueryData(deliveryQuery(delivery.id).queryKey, delivery);
  client.invalidateQueries({ queryKey: ["webhook", delivery.webhook_id, "deliveries"] });
}

export function useCreateWebhook(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (webhook: WebhookInput) =>
      answer(createWebhook({ client: apiOf(client), path: { project_id: projectId }, body: webhook })),
    // The secret is for the caller alone and kept nowhere.
    gcTime: 0,
    onSuccess: ({ webhook }) => storeWebhook(client, webhook),
    onError: (error) => toastUnlessAnswered("The webhook was not made.", error),
  });
}

/** For a form: what the server refuses is shown there. Only `version` is changed, no newer one. */
export function useEditWebhook(webhookId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ version, change }: { version: number; change: WebhookChange }) =>
      answer(
        changeWebhook({
          client: apiOf(client),
          path: { webhook_id: webhookId },
          headers: { "If-Match": `"${version}"` },
          body: change,
        }),
      ),
    onSuccess: (webhook) => storeWebhook(client, webhook),
    onError: (error) => {
      const newer = newerOf<Webhook>(error);
      if (newer) storeWebhook(client, newer);
      toastUnlessAnswered("The webhook was not changed.", error);
    },
  });
}

export function useActivateWebhook(webhookId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (is_active: boolean) =>
      answer(changeWebhook({ client: apiOf(client), path: { webhook_id: webhookId }, body: { is_active } })),
    onSuccess: (webhook) => {
      storeWebhook(client, webhook);
      // What waited for a paused one is cancelled.
      return client.invalidateQueries({ queryKey: ["webhook", webhookId, "deliveries"] });
    },
    onError: (error, isActive) => toastError(`The webhook was not ${isActive ? "activated" : "paused"}.`, error),
  });
}

export function useDeleteWebhook(webhook: Webhook) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => deleteWebhook({ client: apiOf(client), path: { webhook_id: webhook.id } }),
    onSuccess: () => {
      // Its page is still shown for a moment, and must not look for it; the way back there does.
      client.invalidateQueries({ queryKey: webhookQuery(webhook.id).queryKey, refetchType: "none" });
      client.invalidateQueries({ queryKey: webhooksQuery(webhook.project_id).queryKey });
    },
    onError: (error) => toastError("The webhook was not deleted.", error),
  });
}

export function useRotateSecret(webhookId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => answer(rotateWebhookSecret({ client: apiOf(client), path: { webhook_id: webhookId } })),
    gcTime: 0,
    onSuccess: ({ webhook }) => storeWebhook(client, webhook),
    onError: (error) => toastError("The secret was not changed.", error),
  });
}

export function useSendTest(webhookId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => answer(testWebhook({ client: apiOf(client), path: { webhook_id: webhookId } })),
    onSuccess: (delivery) => storeDelivery(client, delivery),
    onError: (error) => toastError("The test was not sent.", error),
  });
}

export function useRedeliver() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (deliveryId: string) => answer(redeliver({ client: apiOf(client), path: { delivery_id: deliveryId } })),
    onSuccess: (delivery) => storeDelivery(client, delivery),
    onError: (error) => toastError("The message was not sent again.", error),
  });
}

export function useReplay(webhookId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (range: ReplayInput) =>
      answer(replayWebhook({ client: apiOf(client), path: { webhook_id: webhookId }, body: range })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["webhook", webhookId, "deliveries"] }),
    onError: (error) => toastUnlessAnswered("Nothing was sent again.", error),
  });
}
