import { queryOptions } from "@tanstack/react-query";
import { apiOf } from "~/lib/query";
import type { Me, Page, Person } from "~/lib/types";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ client, signal }) => apiOf(client).get<Me>("/me", { signal }),
  staleTime: 5 * 60_000,
});

/** People whom the caller can see, by a part of their name. */
export const usersQuery = (text: string) =>
  queryOptions({
    queryKey: ["users", text],
    queryFn: ({ client, signal }) =>
      apiOf(client).get<Page<Person>>("/users", { signal, query: { q: text || undefined, limit: 20 } }),
  });
