import { redirect } from "react-router";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/home";

export function loader({ context }: Route.LoaderArgs) {
  return redirect(context.get(sessionContext).hasAccess ? "/projects" : "/login");
}
