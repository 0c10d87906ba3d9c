import { useSuspenseQuery } from "@tanstack/react-query";
import { AlertCircle, CheckCircle2 } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import { linkNotice } from "~/features/account/link-notice";
import { useLinkIdentity, useUnlinkIdentity } from "~/features/account/mutations";
import { identitiesQuery, signInOptionsQuery } from "~/features/account/queries";
import { meQuery } from "~/features/identity/queries";

const ConfirmPassword = lazy(() => import("~/features/account/confirm-password"));

/** What the way back from a provider says; the address forgets it, so that a reload does not say it again. */
function useLinkNotice(providers: readonly { id: string; name: string }[]) {
  const [params, setParams] = useSearchParams();
  const [notice] = useState(() => linkNotice(params, providers));
  useEffect(() => {
    if (!notice) return;
    setParams(
      (now) => {
        now.delete("linked");
        now.delete("link_error");
        return now;
      },
      { replace: true, preventScrollReset: true },
    );
  }, [notice, setParams]);
  return notice;
}

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
  const notice = useLinkNotice(options.oidc_providers);
  if (!identities.length && !others.length) return null;
  const ask = (what: "link" | "unlink", id: string, name: string) => {
    linking.reset();
    unlinking.reset();
    setAsking({ what, id, name });
  };
  return (
    <Section title="Single sign-on" intro="Accounts elsewhere that sign in as you.">
      {notice && (
        <p
          role={notice.isDone ? "status" : "alert"}
          className="flex items-start gap-2 border-b border-line px-3 py-2.5"
        >
          {notice.isDone ? (
            <CheckCircle2 aria-hidden className="mt-0.5 size-4 shrink-0 text-ok" />
          ) : (
            <AlertCircle aria-hidden className="mt-0.5 size-4 shrink-0 text-danger" />
          )}
          {notice.text}
        </p>
      )}
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
