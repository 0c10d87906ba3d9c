import { notifyManager, QueryClient } from "@tanstack/react-query";
import { type Api, ApiError } from "~/lib/api";

const STALE_AFTER_MS = 60_000;
const apis = new WeakMap<QueryClient, Api>();

// A change that is shown before it is saved reaches React before the next frame: a ticked box would else show its old
// state for a moment.
notifyManager.setScheduler(queueMicrotask);

function isWorthRetrying(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 502 || error.status === 429;
}

/** A cache that fetches through `api`; on the server one for each loader, in the browser one for the tab. */
export function makeQueryClient(api: Api, { retries = 0 } = {}): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: STALE_AFTER_MS,
        gcTime: typeof window === "undefined" ? Number.POSITIVE_INFINITY : 10 * 60_000,
        retry: (count, error) => count < retries && isWorthRetrying(error),
      },
      mutations: { retry: false },
    },
  });
  apis.set(client, api);
  return client;
}

/** The API that a cache fetches through: queries are the same on the server and in the browser. */
export function apiOf(client: QueryClient): Api {
  const api = apis.get(client);
  if (!api) throw new Error("This query client was not made by makeQueryClient");
  return api;
}
