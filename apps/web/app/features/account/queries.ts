import {
  getMfa,
  getSignInOptions,
  listApiTokens,
  listIdentities,
  listMySecurityEvents,
  listSessions,
} from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export const sessionsQuery = queryOptions({
  queryKey: ["me", "sessions"],
  queryFn: async ({ client, signal }) => (await answer(listSessions({ client: apiOf(client), signal }))).items,
});

export const factorsQuery = queryOptions({
  queryKey: ["me", "mfa"],
  queryFn: ({ client, signal }) => answer(getMfa({ client: apiOf(client), signal })),
});

export const tokensQuery = queryOptions({
  queryKey: ["me", "tokens"],
  queryFn: async ({ client, signal }) => (await answer(listApiTokens({ client: apiOf(client), signal }))).items,
});

/** Accounts elsewhere that sign in as this one. */
export const identitiesQuery = queryOptions({
  queryKey: ["me", "identities"],
  queryFn: async ({ client, signal }) => (await answer(listIdentities({ client: apiOf(client), signal }))).items,
});

export const signInOptionsQuery = queryOptions({
  queryKey: ["sign-in-options"],
  queryFn: ({ client, signal }) => answer(getSignInOptions({ client: apiOf(client), signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export const mySecurityEventsQuery = infiniteQueryOptions({
  queryKey: ["me", "security-events"],
  queryFn: ({ client, signal, pageParam }) =>
    answer(
      listMySecurityEvents({
        client: apiOf(client),
        signal,
        query: { limit: 20, ...(pageParam && { cursor: pageParam }) },
      }),
    ),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});
