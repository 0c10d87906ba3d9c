import type { ShownSetting } from "@synergy/client";
import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { Button } from "~/components/ui/button";
import { inputClass, Select } from "~/components/ui/field";
import { Section } from "~/components/ui/section";
import { EmptyCard } from "~/components/ui/states";
import { settingsQuery } from "~/features/instance/queries";
import { chosenSettings, groupsOf } from "~/features/instance/settings";
import { plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import { useAddressParams } from "~/lib/use-address-params";
import type { Route } from "./+types/settings";

export const meta: Route.MetaFunction = () => [{ title: "Settings in force · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery(settingsQuery);

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function SettingsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <SettingsInForce />
    </HydrationBoundary>
  );
}

function SettingsInForce() {
  const { data: settings } = useQuery(settingsQuery);
  const [params, choose] = useAddressParams();
  const filter = { text: params.get("q") ?? "", only: params.get("only") ?? "" };
  // As it is typed; the address has it without the spaces around it.
  const [text, setText] = useState(filter.text);
  if (!settings) return null;
  const chosen = chosenSettings(settings, filter);
  return (
    <>
      <div className="flex flex-wrap items-end gap-2">
        <div className="me-auto min-w-0">
          <h2 className="text-heading font-semibold">Settings in force</h2>
          <p className="text-muted">
            As the API runs with them. They are changed in the environment or .env, and take a restart.
          </p>
        </div>
        <input
          type="search"
          aria-label="Find settings"
          placeholder="Name, value or meaning"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            choose({ q: event.target.value.trim() });
          }}
          className={`${inputClass} h-7 w-56 px-2 touch:h-11`}
        />
        <Select aria-label="Which" value={filter.only} onChange={(event) => choose({ only: event.target.value })}>
          <option value="">All</option>
          <option value="set">Set here</option>
          <option value="default">Defaults</option>
          <option value="secret">Secrets</option>
        </Select>
      </div>
      <p role="status" className="-mt-6 text-meta text-subtle">
        {plural(chosen.length, "setting")}
      </p>
      {[...groupsOf(chosen)].map(([group, members]) => (
        <Section key={group} title={group}>
          <ul aria-label={group}>
            {members.map((setting) => (
              <Row key={setting.name} setting={setting} />
            ))}
          </ul>
        </Section>
      ))}
      {chosen.length === 0 && (
        <EmptyCard
          icon={<SlidersHorizontal />}
          title="Nothing found"
          action={
            <Button
              onPress={() => {
                setText("");
                choose({ q: null, only: null });
              }}
            >
              Show all
            </Button>
          }
        >
          No setting fits this filter.
        </EmptyCard>
      )}
    </>
  );
}

function Row({ setting }: { setting: ShownSetting }) {
  const { name, description, is_secret, source, value, unused } = setting;
  const isSet = source === "set";
  return (
    <li className="grid gap-x-4 gap-y-1 border-line px-3 py-2.5 not-first:border-t sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <div className="min-w-0">
        <code className="font-mono text-meta font-medium wrap-anywhere">{name}</code>
        <p className="text-meta text-subtle">
          {description}
          {unused && <span className="text-warn"> Has no effect: {unused}.</span>}
        </p>
      </div>
      <div className="flex min-w-0 flex-wrap items-baseline gap-2">
        {is_secret ? (
          <span className="text-muted">{isSet ? "Set, never shown" : "Not set"}</span>
        ) : (
          <code className="min-w-0 font-mono text-meta wrap-anywhere">
            {value || <span className="font-sans text-subtle">empty</span>}
          </code>
        )}
        {isSet && (
          <span className="rounded-chip bg-hover px-1.5 text-label text-muted">
            {is_secret ? "secret" : "set here"}
          </span>
        )}
        {isSet && setting.default && <span className="text-meta text-subtle">default: {setting.default}</span>}
      </div>
    </li>
  );
}
