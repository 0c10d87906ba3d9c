import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError } from "~/components/ui/toast";
import { labelsQuery, membersQuery } from "~/features/projects/queries";
import { apiOf } from "~/lib/query";
import type { Label, Member, Project, Role } from "~/lib/types";

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (project: { name: string; key?: string; description?: string; color?: string; status?: string }) =>
      apiOf(client).post<Project>("/projects", { body: project }),
    onSuccess: (project) => {
      client.setQueryData(["project", project.id], project);
      return client.invalidateQueries({ queryKey: ["projects"] });
    },
  });
}

export function useAddMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (member: { user_id: string; role: Role }) =>
      apiOf(client).post<Member>(`/projects/${projectId}/members`, { body: member }),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
    onError: (error) => toastError("The person was not added.", error),
  });
}

export function useChangeMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ userId, role }: { userId: string; role: Role }) =>
      apiOf(client).patch<Member>(`/projects/${projectId}/members/${userId}`, { body: { role } }),
    onError: (error) => toastError("The role was not changed.", error),
    onSettled: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
  });
}

export function useRemoveMember(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (userId: string) => apiOf(client).delete(`/projects/${projectId}/members/${userId}`),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
    onError: (error) => toastError("The person was not removed.", error),
  });
}

export function useCreateLabel(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (label: { name: string; color: string }) =>
      apiOf(client).post<Label>(`/projects/${projectId}/labels`, { body: label }),
    onSuccess: (label) => client.setQueryData(labelsQuery(projectId).queryKey, (list) => [...(list ?? []), label]),
    onError: (error) => toastError("The label was not made.", error),
  });
}
