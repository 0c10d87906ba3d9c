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
  const linking = useLinkIdentity();
  const unlinking = useUnlinkIdentity();
  const [asking, setAsking] = useState<{ what: "link" | "unlink"; id: string; name: string }>();
  const linked = new Set(identities.map(({ provider }) => provider));
  const others = options.oidc_providers.filter(({ id }) => !linked.has(id));
  if (!identities.length && !others.length) return null;
  const ask = (what: "link" | "unlink", id: string, name: string) => {
    linking.reset();
    unlinking.reset();
    setAsking({ what, id, name });
  };
  return (
    <Section title="Single sign-on" intro="Accounts elsewhere that sign in as you.">
      <ul>
        {identities.map(({ id, provider_name, email }) => (
          <SectionRow
            key={id}
            actions={
              <Button aria-label={`Unlink ${provider_name}`} onPress={() => ask("unlink", id, provider_name)}>
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
              <Button aria-label={`Link ${name}`} onPress={() => ask("link", id, name)}>
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
        {asking?.what === "link" && (
          <ConfirmPassword
            title={`Link ${asking.name}`}
            action="Continue"
            hasPassword={me.has_password}
            error={linking.error}
            isPending={linking.isPending}
            onConfirm={(password) => linking.mutate({ provider: asking.id, password })}
            onClose={() => setAsking(undefined)}
          >
            You sign in there next. From then on that account signs in as you.
          </ConfirmPassword>
        )}
        {asking?.what === "unlink" && (
          <ConfirmPassword
            title={`Unlink ${asking.name}`}
            action="Unlink"
            hasPassword={me.has_password}
            error={unlinking.error}
            isPending={unlinking.isPending}
            onConfirm={(password) =>
              unlinking.mutate(
                { id: asking.id, password },
                {
                  onSuccess: () => {
                    setAsking(undefined);
                    toastDone(`${asking.name} is unlinked.`);
                  },
                },
              )
            }
            onClose={() => setAsking(undefined)}
          >
            That account will no longer sign in as you.
          </ConfirmPassword>
        )}
      </Suspense>
    </Section>
  );
}
