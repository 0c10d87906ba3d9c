import { useInfiniteQuery } from "@tanstack/react-query";
import { LocalTime } from "~/components/time-ago";
import { Section, SectionRow } from "~/components/ui/section";
import { ShowOlder } from "~/components/ui/show-older";
import { eventName } from "~/features/account/event-names";
import { mySecurityEventsQuery } from "~/features/account/queries";

/** What happened to one's own account, the newest first. */
export function MySecurityEvents() {
  const list = useInfiniteQuery(mySecurityEventsQuery);
  const events = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="What happened" intro="If something here was not you, change your password.">
      <ul aria-label="Security events">
        {events.map(({ id, type, ip, user_agent, created_at }) => (
          <SectionRow key={id}>
            <span className="block font-medium">{eventName(type)}</span>
            <span className="block truncate text-meta text-subtle" title={user_agent ?? undefined}>
              <LocalTime iso={created_at} />
              {ip && ` · ${ip}`}
            </span>
          </SectionRow>
        ))}
      </ul>
      <ShowOlder list={list} className="border-t border-line" />
    </Section>
  );
}
