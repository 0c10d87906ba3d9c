import { HydrationBoundary, type QueryClient, useQuery } from "@tanstack/react-query";
import { Freshness } from "~/components/ui/freshness";
import { Section } from "~/components/ui/section";
import { listsOf, maintenanceSentence } from "~/features/instance/maintenance";
import { MaintenanceTask } from "~/features/instance/maintenance-task";
import { maintenanceQuery } from "~/features/instance/queries";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/maintenance";

export const meta: Route.MetaFunction = () => [{ title: "Maintenance · SynergyOS" }];

const load = (client: QueryClient) => client.fetchQuery({ ...maintenanceQuery, staleTime: 0 });

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function MaintenancePage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Maintenance />
    </HydrationBoundary>
  );
}

function Maintenance() {
  const query = useQuery(maintenanceQuery);
  const { data: tasks } = query;
  if (!tasks) return null;
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p role="status" className="text-heading font-semibold">
          {maintenanceSentence(tasks)}
        </p>
        <Freshness query={query} />
      </div>
      {listsOf(tasks).map((list) => (
        <Section key={list.period} title={list.title}>
          <ul aria-label={list.title}>
            {list.tasks.map((task) => (
              <MaintenanceTask key={task.task} task={task} />
            ))}
          </ul>
        </Section>
      ))}
    </>
  );
}
