import type { WebhookInput } from "@synergy/client";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { Skeleton } from "~/components/ui/states";
import { type FormFailure, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { webhookEventsQuery } from "~/features/webhooks/queries";
import type { Webhook, WebhookEventType } from "~/lib/types";

/** What the fields hold. */
export interface WebhookDraft {
  name: string;
  url: string;
  isAll: boolean;
  /** Kept while `isAll`, in case that is taken back. */
  chosen: readonly WebhookEventType[];
}

export const emptyDraft: WebhookDraft = { name: "", url: "", isAll: true, chosen: [] };

export function draftOf({ name, url, events }: Webhook): WebhookDraft {
  return { name, url, isAll: events === "*", chosen: events === "*" ? [] : events };
}

interface WebhookFormProps {
  title: string;
  action: string;
  draft: WebhookDraft;
  onChange: (draft: WebhookDraft) => void;
  failure: FormFailure | undefined;
  /** Stands above the fields. */
  notice?: ReactNode;
  isPending: boolean;
  onSubmit: (webhook: Required<Pick<WebhookInput, "name" | "url" | "events">>) => void;
  onClose: () => void;
}

export function WebhookForm({
  title,
  action,
  draft,
  onChange,
  failure,
  notice,
  isPending,
  onSubmit,
  onClose,
}: WebhookFormProps) {
  const { name, url, isAll, chosen } = draft;
  const change = (fields: Partial<WebhookDraft>) => onChange({ ...draft, ...fields });
  const submit = () => onSubmit({ name: name.trim(), url: url.trim(), events: isAll ? "*" : [...chosen] });
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
      {notice}
      <TextField
        label="Name"
        autoFocus
        required
        maxLength={100}
        placeholder="Our chat"
        value={name}
        onChange={(event) => change({ name: event.target.value })}
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
        onChange={(event) => change({ url: event.target.value })}
        hint="Messages are sent there by POST, signed by the Standard Webhooks rules."
        error={fieldError(failure, "url")}
      />
      <EventChoice
        isAll={isAll}
        onAll={(next) => change({ isAll: next })}
        chosen={chosen}
        onChoose={(next) => change({ chosen: next })}
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
  const { data: events, isError, refetch } = useQuery(webhookEventsQuery);
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
      {!isAll && !events && !isError && <Skeleton className="mt-1 h-60" />}
      {!isAll && !events && isError && (
        <p role="alert" className="mt-1 flex items-center gap-2 text-danger">
          The list of events did not come. <Button onPress={() => refetch()}>Try again</Button>
        </p>
      )}
      {!isAll && events && (
        <ul className="mt-1 max-h-60 overflow-y-auto rounded-card border border-line p-1 scrollbar-thin">
          {events
            // A test is sent whatever is chosen.
            .filter(({ type }) => type !== "webhook.test")
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
