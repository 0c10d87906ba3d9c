import { toastDone } from "~/components/ui/toast";
import { failureOf } from "~/features/identity/form";
import { useEditWebhook } from "~/features/webhooks/mutations";
import { WebhookForm } from "~/features/webhooks/webhook-form";
import type { Webhook } from "~/lib/types";

export default function EditWebhookDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { mutate: edit, error, isPending } = useEditWebhook(webhook.id);
  return (
    <WebhookForm
      title={`Edit ${webhook.name}`}
      action="Save"
      webhook={webhook}
      failure={failureOf(error)}
      isPending={isPending}
      onSubmit={(change) =>
        edit(change, {
          onSuccess: () => {
            toastDone("The webhook is changed.");
            onClose();
          },
        })
      }
      onClose={onClose}
    />
  );
}
