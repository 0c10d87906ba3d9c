import type { PreferencesChange } from "@synergy/client";
import { HydrationBoundary, useSuspenseQuery } from "@tanstack/react-query";
import { Clock } from "lucide-react";
import { type ReactNode, useEffect, useId, useState } from "react";
import { Button } from "~/components/ui/button";
import { inputClass, Select } from "~/components/ui/field";
import { VerifyAddress } from "~/features/account/verify-address";
import { useSaveTimezone } from "~/features/identity/mutations";
import { preferencesQuery, useChangePreferences } from "~/features/notifications/preferences";
import { groupTypes } from "~/features/notifications/types";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Preferences } from "~/lib/types";
import type { Route } from "./+types/notifications";

const CHANNELS = [
  ["in_app", "In the app"],
  ["email", "By email"],
] as const;
const DIGESTS: Record<Preferences["digest"], string> = {
  never: "One mail for each, at once",
  daily: "All together, once a day",
  weekly: "All together, once a week",
};
const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

const capitalised = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

export const meta: Route.MetaFunction = () => [{ title: "Notification settings · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchQuery(preferencesQuery));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureQueryData(preferencesQuery));
}

export default function NotificationSettingsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Settings />
    </HydrationBoundary>
  );
}

function Settings() {
  const { data: preferences } = useSuspenseQuery(preferencesQuery);
  const { mutate: change } = useChangePreferences();
  return (
    <>
      <VerifyAddress reason="Mails go to a confirmed address only." />
      <Types preferences={preferences} onChange={change} />
      <Digest preferences={preferences} onChange={change} />
    </>
  );
}

interface PartProps {
  preferences: Preferences;
  onChange: (change: PreferencesChange) => void;
}

function Types({ preferences, onChange }: PartProps) {
  return (
    <section aria-labelledby="what">
      <h2 id="what" className="text-heading font-semibold">
        What you are told
      </h2>
      <p className="mb-3 text-muted">You are never told of what you did yourself. Changes are saved at once.</p>
      <table className="w-full border-separate border-spacing-0 rounded-card border border-line bg-surface text-start">
        <thead>
          <tr className="text-meta text-subtle">
            <th scope="col" className="px-3 py-2 text-start font-medium">
              About
            </th>
            {CHANNELS.map(([channel, name]) => (
              <th key={channel} scope="col" className="w-24 px-3 py-2 text-center font-medium max-sm:w-18 max-sm:px-1">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        {groupTypes(preferences.types).map(({ title, types }) => (
          <tbody key={title}>
            <tr>
              <th
                colSpan={3}
                scope="colgroup"
                className="border-t border-line bg-sunken px-3 py-1 text-start text-meta font-medium text-muted"
              >
                {title}
              </th>
            </tr>
            {types.map(([type, preference]) => (
              <tr key={type}>
                <th scope="row" className="border-t border-line px-3 py-1 text-start font-normal">
                  {preference.label}
                </th>
                {CHANNELS.map(([channel, name]) => (
                  <td key={channel} className="border-t border-line p-0 text-center">
                    <label className="flex min-h-9 items-center justify-center hover:bg-hover touch:min-h-11">
                      <span className="sr-only">{`${preference.label}: ${name.toLowerCase()}`}</span>
                      <input
                        type="checkbox"
                        className="size-3.5 accent-accent touch:size-5"
                        checked={preference[channel]}
                        onChange={(event) => onChange({ types: { [type]: { [channel]: event.target.checked } } })}
                      />
                    </label>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </section>
  );
}

function Digest({ preferences, onChange }: PartProps) {
  const { digest, digest_time, digest_weekday, timezone } = preferences;
  const timeId = useId();
  const dayId = useId();
  return (
    <section aria-labelledby="digest">
      <h2 id="digest" className="text-heading font-semibold">
        How mails come
      </h2>
      <p className="mb-3 text-muted">A digest holds what is chosen above by email; single mails stop meanwhile.</p>
      <div className="rounded-card border border-line bg-surface p-3">
        <fieldset className="flex flex-col gap-1">
          <legend className="sr-only">How mails come</legend>
          {(Object.keys(DIGESTS) as Preferences["digest"][]).map((choice) => (
            <label key={choice} className="flex min-h-7 items-center gap-2.5 touch:min-h-11">
              <input
                type="radio"
                name="digest"
                className="size-3.5 accent-accent touch:size-5"
                checked={digest === choice}
                onChange={() => onChange({ digest: choice })}
              />
              {DIGESTS[choice]}
            </label>
          ))}
        </fieldset>
        {digest !== "never" && (
          <div className="mt-3 flex flex-wrap items-end gap-3 border-t border-line pt-3">
            {digest === "weekly" && (
              <Labelled id={dayId} label="Day">
                <Select
                  id={dayId}
                  value={digest_weekday}
                  onChange={(event) =>
                    onChange({ digest_weekday: event.target.value as Preferences["digest_weekday"] })
                  }
                >
                  {WEEKDAYS.map((day) => (
                    <option key={day} value={day}>
                      {capitalised(day)}
                    </option>
                  ))}
                </Select>
              </Labelled>
            )}
            <Labelled id={timeId} label="Time">
              <TimeField id={timeId} value={digest_time} onSave={(time) => onChange({ digest_time: time })} />
            </Labelled>
            <Timezone timezone={timezone} />
          </div>
        )}
      </div>
    </section>
  );
}

function Labelled({ id, label, children }: { id: string; label: string; children: ReactNode }) {
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-meta font-medium">
        {label}
      </label>
      {children}
    </div>
  );
}

/** Saved when it is whole: while it is typed it goes through times that nobody wants. */
function TimeField({ id, value, onSave }: { id: string; value: string; onSave: (time: string) => void }) {
  const [draft, setDraft] = useState<string>();
  const save = () => {
    if (draft && draft !== value) onSave(draft);
    setDraft(undefined);
  };
  return (
    <input
      id={id}
      type="time"
      required
      value={draft ?? value}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={save}
      onKeyDown={(event) => event.key === "Enter" && save()}
      className={`${inputClass} h-7 w-auto px-2 touch:h-11`}
    />
  );
}

function Timezone({ timezone }: { timezone: string }) {
  const { mutate: save, isPending } = useSaveTimezone();
  const [here, setHere] = useState(timezone);
  // The browser's timezone is not known while rendering on the server.
  useEffect(() => setHere(Intl.DateTimeFormat().resolvedOptions().timeZone), []);
  return (
    <p className="flex min-h-7 flex-wrap items-center gap-2 text-muted">
      <Clock aria-hidden className="size-4" /> in {timezone}
      {here !== timezone && (
        <Button variant="ghost" isPending={isPending} onPress={() => save(here)}>
          Use {here}
        </Button>
      )}
    </p>
  );
}
