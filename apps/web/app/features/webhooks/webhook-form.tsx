import type { WebhookInput } from "@synergy/client";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { TextField } from "~/components/ui/field";
import { type FormFailure, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { webhookEventsQuery } from "~/features/webhooks/queries";
import type { Webhook, WebhookEventType } from "~/lib/types";

interface WebhookFormProps {
  title: string;
  action: string;
  /** What it is now, when it is changed. */
  webhook?: Webhook;
  failure: FormFailure | undefined;
  isPending: boolean;
  onSubmit: (webhook: Required<Pick<WebhookInput, "name" | "url" | "events">>) => void;
  onClose: () => void;
}

export function WebhookForm({ title, action, webhook, failure, isPending, onSubmit, onClose }: WebhookFormProps) {
  const [name, setName] = useState(webhook?.name ?? "");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [isAll, setAll] = useState(!webhook || webhook.events === "*");
  const [chosen, setChosen] = useState<readonly WebhookEventType[]>(
    webhook && webhook.events !== "*" ? webhook.events : [],
  );
  const submit = () => {
    onSubmit({ name: name.trim(), url: url.trim(), events: isAll ? "*" : [...chosen] });
  };
  return (
    <FormDialog
      title={title}
      action={action}
      failure={failure}
      fields={["name", "url", "events"]}
      isPending={isPending}
      onSubmit={submit}
      onClose={onClose}
      isWide
    >
      <TextField
        label="Name"
        autoFocus
        required
        maxLength={100}
        placeholder="Our chat"
        value={name}
        onChange={(event) => setName(event.target.value)}
        error={fieldError(failure, "name")}
      />
      <TextField
        label="Address"
        type="url"
        required
        maxLength={2000}
        placeholder="https://example.org/hook"
        spellCheck={false}
        value={url}
        onChange={(event) => setUrl(event.target.value)}
        hint="Messages are sent there by POST, signed by the Standard Webhooks rules."
        error={fieldError(failure, "url")}
      />
      <EventChoice
        isAll={isAll}
        onAll={setAll}
        chosen={chosen}
        onChoose={setChosen}
        error={fieldError(failure, "events")}
      />
    </FormDialog>
  );
}

interface EventChoiceProps {
  isAll: boolean;
  onAll: (isAll: boolean) => void;
  chosen: readonly WebhookEventType[];
  onChoose: (chosen: WebhookEventType[]) => void;
  error: string | undefined;
}

function EventChoice({ isAll, onAll, chosen, onChoose, error }: EventChoiceProps) {
  const { data: events } = useQuery(webhookEventsQuery);
  const id = useId();
  const isChosen = new Set(chosen);
  return (
    <fieldset aria-describedby={error && id}>
      <legend className="mb-1 text-meta font-medium">Events</legend>
      {[true, false].map((choice) => (
        <label key={String(choice)} className="flex min-h-7 items-center gap-2.5 touch:min-h-11">
          <input
            type="radio"
            name="all-events"
            className="size-3.5 accent-accent touch:size-5"
            checked={isAll === choice}
            onChange={() => onAll(choice)}
          />
          {choice ? "All events of the project, also those that come later" : "Only these"}
        </label>
      ))}
      {!isAll && (
        <ul className="mt-1 max-h-60 overflow-y-auto rounded-card border border-line p-1 scrollbar-thin">
          {events
            // A test is sent whatever is chosen.
            ?.filter(({ type }) => type !== "webhook.test")
            .map(({ type, description, available }) => (
              <li key={type}>
                <label className="flex items-start gap-2.5 rounded-chip px-2 py-1 hover:bg-hover touch:min-h-11">
                  <input
                    type="checkbox"
                    aria-label={type}
                    className="mt-[3px] size-3.5 shrink-0 accent-accent touch:size-5"
                    checked={isChosen.has(type)}
                    onChange={({ target }) =>
                      onChoose(target.checked ? [...chosen, type] : chosen.filter((other) => other !== type))
                    }
                  />
                  <span className="min-w-0">
                    <code className="font-mono text-meta">{type}</code>
                    {!available && <span className="ms-2 text-meta text-warn">not sent yet</span>}
                    <span className="block text-meta text-muted">{description}</span>
                  </span>
                </label>
              </li>
            ))}
        </ul>
      )}
      {error && (
        <p id={id} className="mt-1 text-meta text-danger">
          {error}
        </p>
      )}
    </fieldset>
  );
}
