import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { apiOf } from "~/lib/query";
import type { Activity, Label, Member, Page, Project } from "~/lib/types";

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: ({ client, signal }) => apiOf(client).get<Page<Project>>("/projects", { signal, query: { limit: 200 } }),
});

export const projectQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId],
    queryFn: ({ client, signal }) => apiOf(client).get<Project>(`/projects/${projectId}`, { signal }),
  });

export const membersQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "members"],
    queryFn: async ({ client, signal }) =>
      (await apiOf(client).get<Page<Member>>(`/projects/${projectId}/members`, { signal, query: { limit: 200 } }))
        .items,
  });

export const labelsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ["project", projectId, "labels"],
    queryFn: async ({ client, signal }) =>
      (await apiOf(client).get<Page<Label>>(`/projects/${projectId}/labels`, { signal, query: { limit: 200 } })).items,
  });

export const activityQuery = (projectId: string) =>
  infiniteQueryOptions({
    queryKey: ["project", projectId, "activity"],
    queryFn: ({ client, signal, pageParam }) =>
      apiOf(client).get<Page<Activity>>(`/projects/${projectId}/activity`, {
        signal,
        query: { cursor: pageParam, limit: 50 },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
