import { type FormEvent, useState } from "react";
import { Button } from "~/components/ui/button";
import { Dialog } from "~/components/ui/dialog";
import { TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { FormAlert, failureOf, fieldError } from "~/features/identity/form";
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
  const submit = (event: FormEvent) => {
    event.preventDefault();
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
    <Dialog title="Send a time again" isOpen onOpenChange={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4 pt-2">
        <p className="text-body text-muted">
          All events of this time that the webhook subscribes to are sent once more, also those that it received. At
          most 1,000.
        </p>
        <FormAlert failure={failure} fields={["since", "until"]} />
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
        <div className="flex justify-end gap-2">
          <Button size="md" onPress={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="primary" size="md" isPending={isPending}>
            Send again
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
