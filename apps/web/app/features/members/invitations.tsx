import type { InvitationView } from "@synergy/client";
import { useQuery } from "@tanstack/react-query";
import { TimeAgo } from "~/components/time-ago";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import { useResendInvitation, useRevokeInvitation } from "~/features/members/mutations";
import { invitationsQuery } from "~/features/projects/queries";
import { ROLE_NAMES } from "~/features/projects/roles";

/** Who was asked into the project and has not come yet; nothing when there is nobody. */
export function Invitations({ projectId }: { projectId: string }) {
  const { data: invitations = [] } = useQuery(invitationsQuery(projectId));
  if (!invitations.length) return null;
  return (
    <Section title="Invitations" intro="They have been sent a link, and have not joined yet.">
      <ul aria-label="Invitations">
        {invitations.map((invitation) => (
          <Invitation key={invitation.id} projectId={projectId} invitation={invitation} />
        ))}
      </ul>
    </Section>
  );
}

function Invitation({ projectId, invitation }: { projectId: string; invitation: InvitationView }) {
  const { mutate: resend, isPending: isSending } = useResendInvitation(projectId);
  const { mutate: revoke, isPending: isRevoking } = useRevokeInvitation(projectId);
  const { id, email, role, state, sent_at, invited_by } = invitation;
  return (
    <SectionRow
      actions={
        <>
          <Button
            aria-label={`Send the invitation to ${email} again`}
            isPending={isSending}
            onPress={() => resend(id, { onSuccess: () => toastDone(`A new link is on its way to ${email}.`) })}
          >
            Send again
          </Button>
          <Button
            variant="danger"
            aria-label={`Withdraw the invitation to ${email}`}
            isPending={isRevoking}
            onPress={() => revoke(id, { onSuccess: () => toastDone(`The invitation to ${email} is withdrawn.`) })}
          >
            Withdraw
          </Button>
        </>
      }
    >
      <span className="block font-medium wrap-anywhere">{email}</span>
      <span className="block text-meta text-subtle">
        {ROLE_NAMES[role]} · {state === "expired" ? "no longer good" : "open"} · sent <TimeAgo iso={sent_at} /> by{" "}
        {invited_by.name}
      </span>
    </SectionRow>
  );
}
