import { getSignInOptions } from "@synergy/client";
import { type LoaderFunctionArgs, redirect } from "react-router";
import { answer } from "~/lib/api";
import { sessionContext } from "~/lib/server/session.server";

/** What the pages for getting in offer; whoever is in already goes on to their projects. */
export async function loadSignInOptions({ request, context }: Pick<LoaderFunctionArgs, "request" | "context">) {
  const { api, hasAccess } = context.get(sessionContext);
  // Somebody was led to an address with parameters; with `next` since the session was found to be no longer valid.
  if (hasAccess && !new URL(request.url).search) throw redirect("/projects");
  return { options: await answer(getSignInOptions({ client: api })).catch(() => undefined) };
}
