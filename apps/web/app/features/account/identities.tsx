import { useSuspenseQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import { useLinkIdentity, useUnlinkIdentity } from "~/features/account/mutations";
import { identitiesQuery, signInOptionsQuery } from "~/features/account/queries";
import { meQuery } from "~/features/identity/queries";

const ConfirmPassword = lazy(() => import("~/features/account/confirm-password"));

/** Accounts elsewhere that sign in as this one; nothing where the instance has no providers. */
export function Identities() {
  const { data: options } = useSuspenseQuery(signInOptionsQuery);
  const { data: identities } = useSuspenseQuery(identitiesQuery);
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: link, error, isPending, reset } = useLinkIdentity();
  const [asking, setAsking] = useState<{ id: string; name: string }>();
  const { mutate: unlink } = useUnlinkIdentity();
  const linked = new Set(identities.map(({ provider }) => provider));
  const others = options.oidc_providers.filter(({ id }) => !linked.has(id));
  if (!identities.length && !others.length) return null;
  return (
    <Section title="Single sign-on" intro="Accounts elsewhere that sign in as you.">
      <ul>
        {identities.map(({ id, provider_name, email }) => (
          <SectionRow
            key={id}
            actions={
              <Button
                aria-label={`Unlink ${provider_name}`}
                onPress={() => unlink(id, { onSuccess: () => toastDone(`${provider_name} is unlinked.`) })}
              >
                Unlink
              </Button>
            }
          >
            <span className="block font-medium">{provider_name}</span>
            <span className="block truncate text-meta text-subtle">{email ?? "Linked"}</span>
          </SectionRow>
        ))}
        {others.map(({ id, name }) => (
          <SectionRow
            key={id}
            actions={
              <Button
                aria-label={`Link ${name}`}
                onPress={() => {
                  reset();
                  setAsking({ id, name });
                }}
              >
                Link
              </Button>
            }
          >
            <span className="block font-medium">{name}</span>
            <span className="block text-meta text-subtle">Not linked</span>
          </SectionRow>
        ))}
      </ul>
      <Suspense fallback={null}>
        {asking && (
          <ConfirmPassword
            title={`Link ${asking.name}`}
            action="Continue"
            hasPassword={me.has_password}
            error={error}
            isPending={isPending}
            onConfirm={(password) => link({ provider: asking.id, password })}
            onClose={() => setAsking(undefined)}
          >
            You sign in there next. From then on that account signs in as you.
          </ConfirmPassword>
        )}
      </Suspense>
    </Section>
  );
}
