import {
  createInvitation,
  type InvitationInput,
  removeMember,
  resendInvitation,
  revokeInvitation,
  transferProject,
} from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError, toastUnlessAnswered } from "~/components/ui/toast";
import { invitationsQuery, membersQuery, projectQuery } from "~/features/projects/queries";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

/** For a form, which shows what the server refuses. */
export function useInvite(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: InvitationInput) =>
      answer(createInvitation({ client: apiOf(client), path: { project_id: projectId }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: invitationsQuery(projectId).queryKey }),
    onError: (error) => toastUnlessAnswered("The invitation was not sent.", error),
  });
}

export function useResendInvitation(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      answer(resendInvitation({ client: apiOf(client), path: { project_id: projectId, invitation_id: id } })),
    onSuccess: () => client.invalidateQueries({ queryKey: invitationsQuery(projectId).queryKey }),
    onError: (error) => toastError("The invitation was not sent again.", error),
  });
}

export function useRevokeInvitation(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      revokeInvitation({ client: apiOf(client), path: { project_id: projectId, invitation_id: id } }),
    onError: (error) => toastError("The invitation was not withdrawn.", error),
    // Not awaited: its row is gone then, and with it what the page says.
    onSettled: () => {
      client.invalidateQueries({ queryKey: invitationsQuery(projectId).queryKey });
    },
  });
}

/** Gives the project to another member; the owner until now stays as its manager. */
export function useTransfer(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (userId: string) =>
      answer(transferProject({ client: apiOf(client), path: { project_id: projectId }, body: { user_id: userId } })),
    onSuccess: (project) => {
      client.setQueryData(projectQuery(projectId).queryKey, project);
      client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey });
    },
    onError: (error) => toastError("The project was not transferred.", error),
  });
}

/** Takes oneself out of the project. */
export function useLeave(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (userId: string) =>
      removeMember({ client: apiOf(client), path: { project_id: projectId, user_id: userId } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["projects"] }),
    onError: (error) => toastError("You are still in the project.", error),
  });
}
