import { HydrationBoundary, type QueryClient } from "@tanstack/react-query";
import { Identities } from "~/features/account/identities";
import { Password } from "~/features/account/password";
import {
  factorsQuery,
  identitiesQuery,
  mySecurityEventsQuery,
  sessionsQuery,
  signInOptionsQuery,
} from "~/features/account/queries";
import { SecondFactors } from "~/features/account/second-factors";
import { MySecurityEvents } from "~/features/account/security-events";
import { Sessions } from "~/features/account/sessions";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/security";

export const meta: Route.MetaFunction = () => [{ title: "Security · SynergyOS" }];

// Always fresh: somebody looks here because of what has just happened.
const load = (client: QueryClient) =>
  Promise.all([
    client.fetchQuery({ ...factorsQuery, staleTime: 0 }),
    client.fetchQuery({ ...sessionsQuery, staleTime: 0 }),
    client.fetchQuery({ ...identitiesQuery, staleTime: 0 }),
    client.fetchQuery(signInOptionsQuery),
    client.fetchInfiniteQuery({ ...mySecurityEventsQuery, staleTime: 0 }),
  ]);

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, load);
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, load);
}

export default function SecurityPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <SecondFactors />
      <Sessions />
      <Password />
      <Identities />
      <MySecurityEvents />
    </HydrationBoundary>
  );
}
