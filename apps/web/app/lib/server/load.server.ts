import type { QueryClient } from "@tanstack/react-query";
import type { RouterContextProvider } from "react-router";
import { dehydrated, type PageState } from "~/lib/load";
import { makeQueryClient } from "~/lib/query";
import { sessionContext } from "~/lib/server/session.server";

interface LoaderArgs {
  request: Request;
  context: Readonly<RouterContextProvider>;
}

/** A server loader: fetch as the person of the request, and send the filled cache with the page. */
export function loadPage(args: LoaderArgs, load: (client: QueryClient) => Promise<unknown>): Promise<PageState> {
  return dehydrated(makeQueryClient(args.context.get(sessionContext).api), args.request, load);
}
