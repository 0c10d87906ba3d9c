import type { ApiTokenView } from "@synergy/client";
import { HydrationBoundary, useSuspenseQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { LocalTime, TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { EmptyState } from "~/components/ui/states";
import { toastDone } from "~/components/ui/toast";
import { useRevokeToken } from "~/features/account/mutations";
import { tokensQuery } from "~/features/account/queries";
import { VerifyAddress } from "~/features/account/verify-address";
import { meQuery } from "~/features/identity/queries";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/tokens";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));
const CreateTokenDialog = lazy(() => import("~/features/account/create-token-dialog"));

export const meta: Route.MetaFunction = () => [{ title: "API tokens · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchQuery(tokensQuery));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.fetchQuery(tokensQuery));
}

export default function TokensPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Tokens />
    </HydrationBoundary>
  );
}

function Tokens() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: tokens } = useSuspenseQuery(tokensQuery);
  const [isMaking, setMaking] = useState(false);
  const make = me.email_verified_at && (
    <Button variant="primary" onPress={() => setMaking(true)}>
      <Plus aria-hidden /> New token
    </Button>
  );
  return (
    <>
      <VerifyAddress reason="Tokens need a confirmed address." />
      <Section
        title="API tokens"
        intro="With them scripts speak to the API as you, within the scopes that you choose."
        actions={tokens.length > 0 && make}
      >
        {tokens.length ? (
          <ul aria-label="API tokens">
            {tokens.map((token) => (
              <Token key={token.id} token={token} />
            ))}
          </ul>
        ) : (
          <EmptyState icon={<KeyRound />} title="No tokens" action={make}>
            A script that reads or changes your projects needs one.
          </EmptyState>
        )}
        <Suspense fallback={null}>
          {isMaking && <CreateTokenDialog isAdmin={me.role === "admin"} onClose={() => setMaking(false)} />}
        </Suspense>
      </Section>
    </>
  );
}

function Token({ token }: { token: ApiTokenView }) {
  const { mutate: revoke } = useRevokeToken();
  const [isAsking, setAsking] = useState(false);
  const { name, prefix, scopes, expires_at, last_used_at } = token;
  return (
    <SectionRow
      actions={
        <Button variant="danger" aria-label={`Revoke ${name}`} onPress={() => setAsking(true)}>
          Revoke
        </Button>
      }
    >
      <span className="block font-medium wrap-anywhere">{name}</span>
      <span className="block text-meta text-subtle">
        <code>{prefix}…</code> · {scopes.join(", ")} ·{" "}
        {expires_at ? (
          <>
            good until <LocalTime iso={expires_at} />
          </>
        ) : (
          "does not expire"
        )}{" "}
        ·{" "}
        {last_used_at ? (
          <>
            used <TimeAgo iso={last_used_at} />
          </>
        ) : (
          "never used"
        )}
      </span>
      <Suspense fallback={null}>
        {isAsking && (
          <ConfirmDialog
            title={`Revoke ${name}?`}
            action="Revoke"
            isOpen
            onOpenChange={setAsking}
            onConfirm={() => revoke(token.id, { onSuccess: () => toastDone(`${name} is revoked.`) })}
          >
            Scripts that use it are refused from now on.
          </ConfirmDialog>
        )}
      </Suspense>
    </SectionRow>
  );
}
