import { getJob, getQueues, listJobs, listSchedules } from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { WHILE_LOOKED_AT } from "~/lib/live";
import { apiOf } from "~/lib/query";

export const queuesQuery = queryOptions({
  queryKey: ["admin", "queues"],
  queryFn: ({ client, signal }) => answer(getQueues({ client: apiOf(client), signal })),
  ...WHILE_LOOKED_AT,
});

/** Dead letters of one kind of job, or of all when `name` is empty. */
export const deadLettersQuery = (name: string) =>
  infiniteQueryOptions({
    queryKey: ["admin", "jobs", "dead", name],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listJobs({
          client: apiOf(client),
          signal,
          query: { limit: 50, state: "dead", ...(name && { name }), ...(pageParam && { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    ...WHILE_LOOKED_AT,
  });

export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["admin", "job", jobId],
    queryFn: ({ client, signal }) => answer(getJob({ client: apiOf(client), signal, path: { job_id: jobId } })),
  });

export const schedulesQuery = queryOptions({
  queryKey: ["admin", "schedules"],
  queryFn: async ({ client, signal }) => (await answer(listSchedules({ client: apiOf(client), signal }))).items,
  ...WHILE_LOOKED_AT,
});
