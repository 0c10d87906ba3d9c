import { logout } from "@synergy/client";
import { redirect, redirectDocument } from "react-router";
import { ApiError } from "~/lib/api";
import { routeError } from "~/lib/load";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/logout";

export async function action({ context, request }: Route.ActionArgs) {
  try {
    await logout({ client: context.get(sessionContext).api });
  } catch (error) {
    // Whoever has no session any more has what they asked for.
    if (!(error instanceof ApiError && error.status === 401)) throw routeError(error, request);
  }
  return redirectDocument("/login");
}

export function loader() {
  return redirect("/");
}
