import { useState } from "react";
import { TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { useReplay } from "~/features/webhooks/mutations";
import { fromLocalField, plural, toLocalField } from "~/lib/format";
import type { Webhook } from "~/lib/types";

const HOUR_MS = 3_600_000;

/** Sends the events of a time again. */
export default function ReplayDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { mutate: replay, error, isPending } = useReplay(webhook.id);
  const [since, setSince] = useState(() => toLocalField(new Date(Date.now() - HOUR_MS)));
  const [until, setUntil] = useState("");
  const failure = failureOf(error);
  const submit = () => {
    const from = fromLocalField(since);
    if (!from) return;
    replay(
      { since: from, until: fromLocalField(until) },
      {
        onSuccess: ({ deliveries }) => {
          toastDone(
            deliveries === 0
              ? "Nothing that it subscribes to happened then."
              : `${plural(deliveries, "event")} sent again.`,
          );
          onClose();
        },
      },
    );
  };
  return (
    <FormDialog
      title="Send a time again"
      action="Send again"
      failure={failure}
      fields={["since", "until"]}
      isPending={isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <p className="text-body text-muted">
        All events of this time that the webhook subscribes to are sent once more, also those that it received. At most
        1,000.
      </p>
      <TextField
        label="From"
        type="datetime-local"
        required
        value={since}
        onChange={(event) => setSince(event.target.value)}
        error={fieldError(failure, "since")}
      />
      <TextField
        label="Until"
        type="datetime-local"
        isOptional
        hint="Now, when it is left empty. Times are those of this device."
        value={until}
        onChange={(event) => setUntil(event.target.value)}
        error={fieldError(failure, "until")}
      />
    </FormDialog>
  );
}
