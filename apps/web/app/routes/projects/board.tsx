import { HydrationBoundary, useSuspenseQuery } from "@tanstack/react-query";
import { Board } from "~/features/board/board-view";
import { boardQuery } from "~/features/board/queries";
import { projectQuery } from "~/features/projects/queries";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/board";

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchQuery(boardQuery(args.params.projectId)));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureQueryData(boardQuery(params.projectId)));
}

export default function BoardPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <BoardContent projectId={params.projectId} />
    </HydrationBoundary>
  );
}

function BoardContent({ projectId }: { projectId: string }) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId));
  return (
    <>
      <title>{`${project.name} · Board · SynergyOS`}</title>
      <Board key={projectId} project={project} />
    </>
  );
}
