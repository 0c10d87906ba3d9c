import { HydrationBoundary } from "@tanstack/react-query";
import NotificationList from "~/features/notifications/list";
import { notificationsQuery } from "~/features/notifications/queries";
import { Header } from "~/features/shell/header";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/list";

export const meta: Route.MetaFunction = () => [{ title: "Notifications · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchInfiniteQuery(notificationsQuery));
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureInfiniteQueryData(notificationsQuery));
}

export default function NotificationsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Header title={<h1 className="font-semibold">Notifications</h1>} />
      <div className="flex min-h-0 flex-1 justify-center overflow-hidden p-4 max-sm:p-0">
        <div className="flex w-full max-w-2xl flex-col overflow-hidden rounded-card border border-line bg-surface max-sm:rounded-none max-sm:border-0">
          <NotificationList />
        </div>
      </div>
    </HydrationBoundary>
  );
}
