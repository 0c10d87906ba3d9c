import type { QueryClient } from "@tanstack/react-query";
import { makeApi } from "~/lib/api";
import { makeQueryClient } from "~/lib/query";

/**
 * Renew the session's cookies; false when the session has ended. One tab does it at a time, and the others find it
 * done. Throws when the server does not answer: that says nothing about the session.
 */
export async function refreshSession(): Promise<boolean> {
  return navigator.locks.request("synergy-refresh", async () => {
    for (const [path, method] of [
      ["/api/v1/me", "GET"],
      ["/api/v1/auth/refresh", "POST"],
    ] as const) {
      const response = await fetch(path, { method, headers: { accept: "application/json" } });
      if (response.ok) return true;
      if (response.status >= 500 || response.status === 429) throw new Error("The server is not available");
    }
    return false;
  });
}

export function leaveForSignIn(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login?next=${encodeURIComponent(here)}`);
}

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401) return response;
  if (await refreshSession()) return fetch(again);
  leaveForSignIn();
  return response;
}

let client: QueryClient | undefined;

/** The one cache of this tab. Client loaders and components share it. */
export function browserQueryClient(): QueryClient {
  client ??= makeQueryClient(makeApi(send), { retries: 2 });
  return client;
}
