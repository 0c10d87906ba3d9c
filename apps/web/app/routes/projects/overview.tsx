import { redirect } from "react-router";
import type { Route } from "./+types/overview";

/** A project opens on its board. What stands for its id is somebody else's text: encoded, it stays one step of the path. */
export function loader({ params, request }: Route.LoaderArgs) {
  return redirect(`/projects/${encodeURIComponent(params.projectId)}/board${new URL(request.url).search}`);
}
