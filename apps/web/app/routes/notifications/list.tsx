import { HydrationBoundary, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Bell, CheckCheck, Settings2, Trash2, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { Button, LinkButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";
import { ShowOlder } from "~/components/ui/show-older";
import { EmptyState, Skeleton } from "~/components/ui/states";
import { filterOf, type NotificationFilter, paramsOf } from "~/features/notifications/filter";
import { preferencesQuery } from "~/features/notifications/preferences";
import { notificationsQuery, unreadQuery, useDeleteRead, useMarkRead } from "~/features/notifications/queries";
import { NotificationRow } from "~/features/notifications/row";
import { Header } from "~/features/shell/header";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { Route } from "./+types/list";

const TypeMenu = lazy(() => import("~/features/notifications/type-menu"));
const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));

export const meta: Route.MetaFunction = () => [{ title: "Notifications · SynergyOS" }];

function queryOf(request: Request) {
  return notificationsQuery(filterOf(new URL(request.url).searchParams));
}

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) =>
    Promise.all([client.fetchInfiniteQuery(queryOf(args.request)), client.fetchQuery(preferencesQuery)]),
  );
}

export function clientLoader({ request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) =>
    Promise.all([client.ensureInfiniteQueryData(queryOf(request)), client.ensureQueryData(preferencesQuery)]),
  );
}

export default function NotificationsPage({ loaderData }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Header
        title={<h1 className="font-semibold">Notifications</h1>}
        actions={
          <LinkButton variant="ghost" to="/settings/notifications">
            <Settings2 aria-hidden /> Settings
          </LinkButton>
        }
      />
      <div className="min-h-0 flex-1 overflow-y-auto p-4 max-sm:p-0">
        <div className="mx-auto max-w-3xl">
          <Notifications />
        </div>
      </div>
    </HydrationBoundary>
  );
}

function Notifications() {
  const [params] = useSearchParams();
  const filter = filterOf(params);
  const list = useInfiniteQuery(notificationsQuery(filter));
  const { data, isPending } = list;
  const { mutate: markRead } = useMarkRead();
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section
      aria-label="Notifications"
      className="overflow-hidden rounded-card border border-line bg-surface max-sm:rounded-none max-sm:border-0"
    >
      <Toolbar filter={filter} hasRead={items.some((item) => item.read_at)} />
      {isPending && [1, 2, 3, 4].map((row) => <Skeleton key={row} className="mx-4 my-3 h-10" />)}
      {data && items.length === 0 && <NothingThere filter={filter} />}
      <ul>
        {items.map((notification) => (
          <li key={notification.id} className="border-t border-line">
            <NotificationRow
              notification={notification}
              onOpen={() => {
                if (!notification.read_at) markRead(notification.id);
              }}
            />
          </li>
        ))}
      </ul>
      <ShowOlder list={list} className="border-t border-line" />
    </section>
  );
}

function Toolbar({ filter, hasRead }: { filter: NotificationFilter; hasRead: boolean }) {
  const [, setParams] = useSearchParams();
  const { data: preferences } = useQuery(preferencesQuery);
  const { data: unread = 0 } = useQuery(unreadQuery);
  const { mutate: markRead } = useMarkRead();
  const { mutate: deleteRead, isPending: isDeleting } = useDeleteRead();
  const [isAsking, setAsking] = useState(false);
  const show = (next: Partial<NotificationFilter>) =>
    setParams(paramsOf({ ...filter, ...next }), { replace: true, preventScrollReset: true });
  return (
    <div className="flex flex-wrap items-center gap-2 px-2 py-2">
      <nav aria-label="Which" className="flex gap-0.5">
        {[false, true].map((isUnread) => (
          <Link
            key={String(isUnread)}
            to={{ search: String(new URLSearchParams(paramsOf({ ...filter, unread: isUnread }))) }}
            replace
            preventScrollReset
            aria-current={filter.unread === isUnread ? "page" : undefined}
            className={cx(
              "flex h-7 items-center gap-1.5 rounded-control px-2.5 touch:h-11",
              filter.unread === isUnread
                ? "bg-press font-medium text-text"
                : "text-muted hover:bg-hover hover:text-text",
            )}
          >
            {isUnread ? "Unread" : "All"}
            {isUnread && unread > 0 && <span className="text-meta text-subtle">{unread}</span>}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<span className="h-7 w-18 touch:h-11" />}>
        <TypeMenu chosen={filter.types} onChange={(types) => show({ types: types.toSorted() })} />
      </Suspense>
      {filter.types.map((type) => (
        <button
          key={type}
          type="button"
          onClick={() => show({ types: filter.types.filter((other) => other !== type) })}
          className="flex h-7 items-center gap-1 rounded-control border border-line bg-surface ps-2 pe-1.5 text-meta hover:bg-hover touch:h-11"
        >
          {preferences?.types[type]?.label ?? type}
          <X aria-hidden className="size-3.5 text-subtle" />
          <span className="sr-only">(remove this filter)</span>
        </button>
      ))}
      <div className="ms-auto flex flex-wrap gap-1">
        {/* Always there, so that the focus has a place to stay. */}
        <Button variant="ghost" onPress={() => unread > 0 && markRead("all")}>
          <CheckCheck aria-hidden /> Mark all as read
        </Button>
        {hasRead && (
          <Button variant="ghost" isPending={isDeleting} onPress={() => setAsking(true)}>
            <Trash2 aria-hidden /> Delete read
          </Button>
        )}
      </div>
      <Suspense fallback={null}>
        {isAsking && (
          <ConfirmDialog
            title="Delete what you have read?"
            action="Delete read notifications"
            isOpen
            onOpenChange={setAsking}
            onConfirm={() => deleteRead()}
          >
            All notifications that you have read go away for good, also those that are not shown at the moment.
          </ConfirmDialog>
        )}
      </Suspense>
    </div>
  );
}

function NothingThere({ filter }: { filter: NotificationFilter }) {
  if (filter.types.length > 0) {
    return (
      <EmptyState
        icon={<Bell />}
        title="Nothing of this kind"
        action={<LinkButton to="/notifications">Show everything</LinkButton>}
      >
        No notification matches the filter.
      </EmptyState>
    );
  }
  if (filter.unread) {
    return (
      <EmptyState
        icon={<CheckCheck />}
        title="You have read everything"
        action={<LinkButton to="/notifications">Show what you have read</LinkButton>}
      >
        What comes next is shown here at once.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<Bell />}
      title="Nothing new"
      action={<LinkButton to="/settings/notifications">Choose what you are told</LinkButton>}
    >
      You are told here when somebody assigns you a task, mentions you or comments.
    </EmptyState>
  );
}
