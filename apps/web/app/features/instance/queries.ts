import { getBackups, getSystemHealth, listMaintenance, listMaintenanceRecords, listSettings } from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { WHILE_LOOKED_AT } from "~/lib/live";
import { apiOf } from "~/lib/query";

export const healthQuery = queryOptions({
  queryKey: ["admin", "health"],
  queryFn: ({ client, signal }) => answer(getSystemHealth({ client: apiOf(client), signal })),
  ...WHILE_LOOKED_AT,
});

export const backupsQuery = queryOptions({
  queryKey: ["admin", "backups"],
  queryFn: ({ client, signal }) => answer(getBackups({ client: apiOf(client), signal })),
  ...WHILE_LOOKED_AT,
});

export const maintenanceQuery = queryOptions({
  queryKey: ["admin", "maintenance"],
  queryFn: async ({ client, signal }) => (await answer(listMaintenance({ client: apiOf(client), signal }))).items,
  ...WHILE_LOOKED_AT,
});

export const maintenanceRecordsQuery = (task: string) =>
  infiniteQueryOptions({
    queryKey: ["admin", "maintenance", task, "records"],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listMaintenanceRecords({
          client: apiOf(client),
          signal,
          path: { task },
          query: { limit: 10, ...(pageParam && { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const settingsQuery = queryOptions({
  queryKey: ["admin", "settings"],
  queryFn: async ({ client, signal }) => (await answer(listSettings({ client: apiOf(client), signal }))).items,
});
