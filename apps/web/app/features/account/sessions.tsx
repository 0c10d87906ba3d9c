import type { SessionView } from "@synergy/client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import { useRevokeOtherSessions, useRevokeSession } from "~/features/account/mutations";
import { sessionsQuery } from "~/features/account/queries";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));

/** Where one is signed in, and how to end that. */
export function Sessions() {
  const { data: sessions } = useSuspenseQuery(sessionsQuery);
  const { mutate: revokeOthers } = useRevokeOtherSessions();
  const [isAsking, setAsking] = useState(false);
  return (
    <Section
      title="Devices"
      intro="Where you are signed in. Ending a session takes effect at once."
      actions={sessions.length > 1 && <Button onPress={() => setAsking(true)}>End all others</Button>}
    >
      <ul aria-label="Devices">
        {sessions.map((session) => (
          <Session key={session.id} session={session} />
        ))}
      </ul>
      <Suspense fallback={null}>
        {isAsking && (
          <ConfirmDialog
            title="End all other sessions?"
            action="End them"
            isOpen
            onOpenChange={setAsking}
            onConfirm={() =>
              revokeOthers(undefined, { onSuccess: () => toastDone("You are signed out everywhere else.") })
            }
          >
            All other devices are signed out at once. This one stays.
          </ConfirmDialog>
        )}
      </Suspense>
    </Section>
  );
}

function Session({ session }: { session: SessionView }) {
  const { mutate: revoke, isPending } = useRevokeSession();
  const { device, ip, last_used_at, current } = session;
  return (
    <SectionRow
      actions={
        !current && (
          <Button
            aria-label={`End the session of ${device}`}
            isPending={isPending}
            onPress={() => revoke(session.id, { onSuccess: () => toastDone("The session is ended.") })}
          >
            End
          </Button>
        )
      }
    >
      <span className="block font-medium" title={session.user_agent ?? undefined}>
        {device} {current && <span className="font-normal text-ok">· this device</span>}
      </span>
      <span className="block text-meta text-subtle">
        {ip && `${ip} · `}used <TimeAgo iso={last_used_at} />
      </span>
    </SectionRow>
  );
}
