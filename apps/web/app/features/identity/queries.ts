import { getMe, listUsers } from "@synergy/client";
import { queryOptions } from "@tanstack/react-query";
import { answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ client, signal }) => answer(getMe({ client: apiOf(client), signal })),
  staleTime: 5 * 60_000,
});

/** People whom the caller can see, by a part of their name. */
export const usersQuery = (text: string) =>
  queryOptions({
    queryKey: ["users", text],
    queryFn: ({ client, signal }) =>
      answer(listUsers({ client: apiOf(client), signal, query: { limit: 20, ...(text && { q: text }) } })),
    placeholderData: (previous) => previous,
  });
