import {
  addLabel,
  addMember,
  changeMember,
  createProject,
  type LabelInput,
  type MemberInput,
  type ProjectInput,
  removeMember,
} from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { labelsQuery, membersQuery } from "~/features/projects/queries";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";
import type { GrantableRole } from "~/lib/types";

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (project: ProjectInput) => answer(createProject({ client: apiOf(client), body: project })),
    onSuccess: (project) => {
      client.setQueryData(["project", project.id], project);
      return client.invalidateQueries({ queryKey: ["projects"] });
    },
  });
}

export function useAddMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (member: MemberInput) =>
      answer(addMember({ client: apiOf(client), path: { project_id: projectId }, body: member })),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
    onError: (error) => toastError("The person was not added.", error),
  });
}

export function useChangeMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ userId, role }: { userId: string; role: GrantableRole }) =>
      answer(
        changeMember({
          client: apiOf(client),
          path: { project_id: projectId, user_id: userId },
          body: { role },
        }),
      ),
    onError: (error) => toastError("The role was not changed.", error),
    onSettled: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
  });
}

export function useRemoveMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (userId: string) =>
      removeMember({ client: apiOf(client), path: { project_id: projectId, user_id: userId } }),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
    onError: (error) => toastError("The person was not removed.", error),
  });
}

export function useCreateLabel(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (label: LabelInput) =>
      answer(addLabel({ client: apiOf(client), path: { project_id: projectId }, body: label })),
    onSuccess: (label) => client.setQueryData(labelsQuery(projectId).queryKey, (list) => [...(list ?? []), label]),
    onError: (error) => toastError("The label was not made.", error),
  });
}
