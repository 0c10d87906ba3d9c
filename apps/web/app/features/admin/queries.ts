import { getMfaRoles, listAccounts, listSecurityEvents } from "@synergy/client";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export interface AccountFilter {
  text: string;
  /** Empty for all. */
  role: string;
  /** `active`, `inactive`, or empty for all. */
  state: string;
}

export const accountsQuery = ({ text, role, state }: AccountFilter) =>
  infiniteQueryOptions({
    queryKey: ["admin", "users", { text, role, state }],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listAccounts({
          client: apiOf(client),
          signal,
          query: {
            limit: 50,
            ...(text && { q: text }),
            ...(role && { role }),
            ...(state && { is_active: state === "active" }),
            ...(pageParam && { cursor: pageParam }),
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const mfaRolesQuery = queryOptions({
  queryKey: ["admin", "mfa-roles"],
  queryFn: async ({ client, signal }) => (await answer(getMfaRoles({ client: apiOf(client), signal }))).roles,
});

export interface EventFilter {
  type: string;
  text: string;
  ip: string;
}

/** The query of the API for a filter: the page and the file say the same. */
export function eventQueryOf({ type, text, ip }: EventFilter): Record<string, string> {
  return { ...(type && { type }), ...(text && { q: text }), ...(ip && { ip }) };
}

export const securityEventsQuery = (filter: EventFilter) =>
  infiniteQueryOptions({
    queryKey: ["admin", "security-events", filter],
    queryFn: ({ client, signal, pageParam }) =>
      answer(
        listSecurityEvents({
          client: apiOf(client),
          signal,
          query: { limit: 50, ...eventQueryOf(filter), ...(pageParam && { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
