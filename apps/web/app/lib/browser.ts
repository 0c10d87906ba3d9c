import type { QueryClient } from "@tanstack/react-query";
import { makeApi } from "~/lib/api";
import { makeQueryClient } from "~/lib/query";

/** Renew the session's cookies. One tab does it at a time, and the others find it done. */
export async function refreshSession(): Promise<boolean> {
  return navigator.locks.request("synergy-refresh", async () => {
    const probe = await fetch("/api/v1/me", { headers: { accept: "application/json" } });
    if (probe.ok) return true;
    const response = await fetch("/api/v1/auth/refresh", { method: "POST" });
    return response.ok;
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
