const EVERY_MS = 15_000;

/** Options of a query that is to be fresh while somebody looks: hidden pages do not ask, and ask when they are back. */
export const WHILE_LOOKED_AT = {
  refetchInterval: EVERY_MS,
  refetchOnWindowFocus: "always",
  staleTime: EVERY_MS / 3,
} as const;
