import { getProject, listActivity, listInvitations, listLabels, listMembers, listProjects } from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

/** More than anybody's sidebar can show; the server's limit for one page. */
const MOST = 200;

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: ({ client, signal }) => answer(listProjects({ client: apiOf(client), signal, query: { limit: MOST } })),
});

export const projectQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId],
    queryFn: ({ client, signal }) =>
      answer(getProject({ client: apiOf(client), signal, path: { project_id: projectId } })),
  });

export const membersQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "members"],
    queryFn: async ({ client, signal }) =>
      (await answer(listMembers({ client: apiOf(client), signal, path: { project_id: projectId } }))).items,
  });

/** Those that nobody has accepted; for the project's managers. */
export const invitationsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "invitations"],
    queryFn: async ({ client, signal }) =>
      (await answer(listInvitations({ client: apiOf(client), signal, path: { project_id: projectId } }))).items,
  });

export const labelsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "labels"],
    queryFn: async ({ client, signal }) =>
      (await answer(listLabels({ client: apiOf(client), signal, path: { project_id: projectId } }))).items,
  });

export const activityQuery = (projectId: string) =>
  infiniteQueryOptions({
    queryKey: ["project", projectId, "activity"],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listActivity({
          client: apiOf(client),
          signal,
          path: { project_id: projectId },
          query: { limit: 50, ...(pageParam && { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
