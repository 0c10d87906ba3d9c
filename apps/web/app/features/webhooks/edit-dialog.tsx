import { useState } from "react";
import { toastDone } from "~/components/ui/toast";
import { ChangedMeanwhile } from "~/features/identity/changed-meanwhile";
import { failureOf } from "~/features/identity/form";
import { useEditWebhook } from "~/features/webhooks/mutations";
import { draftOf, WebhookForm } from "~/features/webhooks/webhook-form";
import { newerOf } from "~/lib/api";
import type { Webhook } from "~/lib/types";

export default function EditWebhookDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  // What comes in the meantime must not change what the form began with.
  const [base, setBase] = useState(webhook);
  const [draft, setDraft] = useState(() => draftOf(webhook));
  const { mutate: edit, error, isPending, reset } = useEditWebhook(webhook.id);
  const newer = newerOf<Webhook>(error);
  // Who has been told of the newer one may save over it.
  const { version } = newer ?? base;
  return (
    <WebhookForm
      title={`Edit ${base.name}`}
      action={newer ? "Save over it" : "Save"}
      draft={draft}
      onChange={setDraft}
      failure={newer ? undefined : failureOf(error)}
      notice={
        newer && (
          <ChangedMeanwhile
            what="webhook"
            onShow={() => {
              setBase(newer);
              setDraft(draftOf(newer));
              reset();
            }}
          />
        )
      }
      isPending={isPending}
      onSubmit={(change) =>
        edit(
          { version, change },
          {
            onSuccess: () => {
              toastDone("The webhook is changed.");
              onClose();
            },
          },
        )
      }
      onClose={onClose}
    />
  );
}
