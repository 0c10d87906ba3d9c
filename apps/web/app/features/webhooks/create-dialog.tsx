import { useState } from "react";
import { useNavigate } from "react-router";
import { failureOf } from "~/features/identity/form";
import { useCreateWebhook } from "~/features/webhooks/mutations";
import SecretDialog from "~/features/webhooks/secret-dialog";
import { emptyDraft, WebhookForm } from "~/features/webhooks/webhook-form";

/** Makes a webhook, shows its secret, and leads to its page. */
export default function CreateWebhookDialog({ projectId, onClose }: { projectId: string; onClose: () => void }) {
  const navigate = useNavigate();
  const [draft, setDraft] = useState(emptyDraft);
  const { mutate: create, data: made, error, isPending } = useCreateWebhook(projectId);
  if (made) {
    const lead = () => navigate(`/projects/${projectId}/webhooks/${made.webhook.id}`);
    return <SecretDialog title={`Secret of ${made.webhook.name}`} secret={made.secret} onClose={lead} />;
  }
  return (
    <WebhookForm
      title="New webhook"
      action="Create webhook"
      draft={draft}
      onChange={setDraft}
      failure={failureOf(error)}
      isPending={isPending}
      onSubmit={(webhook) => create(webhook)}
      onClose={onClose}
    />
  );
}
