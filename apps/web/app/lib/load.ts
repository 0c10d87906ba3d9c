import { type DehydratedState, dehydrate, type QueryClient } from "@tanstack/react-query";
import { data, redirect } from "react-router";
import { ApiError } from "~/lib/api";
import { browserQueryClient } from "~/lib/browser";

export interface PageState {
  state?: DehydratedState;
}

/** What a failed call means for the page: sign in, not found, or the error page with the API's own words. */
export function routeError(error: unknown, request: Request): unknown {
  if (!(error instanceof ApiError)) return error;
  if (error.status === 401) {
    const { pathname, search } = new URL(request.url);
    return redirect(`/login?next=${encodeURIComponent(pathname + search)}`);
  }
  return data(error.problem, { status: error.status });
}

/** Fill a cache on the server and hand it to the page. */
export async function dehydrated(
  client: QueryClient,
  request: Request,
  load: (client: QueryClient) => Promise<unknown>,
): Promise<PageState> {
  try {
    await load(client);
  } catch (error) {
    throw routeError(error, request);
  }
  return { state: dehydrate(client) };
}

/** The same for a navigation in the browser, whose cache is already there. */
export async function prefetched(
  request: Request,
  load: (client: QueryClient) => Promise<unknown>,
): Promise<PageState> {
  try {
    await load(browserQueryClient());
  } catch (error) {
    throw routeError(error, request);
  }
  return {};
}
