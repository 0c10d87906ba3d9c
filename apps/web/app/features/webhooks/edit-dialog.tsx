import { useState } from "react";
import { Button } from "~/components/ui/button";
import { toastDone } from "~/components/ui/toast";
import { failureOf } from "~/features/identity/form";
import { newerWebhookOf, useEditWebhook } from "~/features/webhooks/mutations";
import { draftOf, WebhookForm } from "~/features/webhooks/webhook-form";
import type { Webhook } from "~/lib/types";

export default function EditWebhookDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  // What comes in the meantime must not change what the form began with.
  const [base, setBase] = useState(webhook);
  const [draft, setDraft] = useState(() => draftOf(webhook));
  const { mutate: edit, error, isPending, reset } = useEditWebhook(webhook.id);
  const newer = newerWebhookOf(error);
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
          <div
            role="alert"
            className="flex flex-wrap items-center gap-2 rounded-control border border-warn/40 bg-warn/8 px-3 py-2"
          >
            <p className="min-w-60 flex-1">
              This webhook was changed while you edited it, so nothing was saved. Look at what it is now, or save yours
              over it.
            </p>
            <Button
              onPress={() => {
                setBase(newer);
                setDraft(draftOf(newer));
                reset();
              }}
            >
              Show what it is now
            </Button>
          </div>
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
