import { redirect } from "react-router";
import type { Route } from "./+types/overview";

/** A project opens on its board. */
export function loader({ params, request }: Route.LoaderArgs) {
  return redirect(`/projects/${params.projectId}/board${new URL(request.url).search}`);
}
