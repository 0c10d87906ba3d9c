import { useEffect, useState } from "react";
import { formatMoment, timeAgo } from "~/lib/format";

const EVERY_MS = 60_000;

/** How long ago something was; the exact time as a tooltip. */
export function TimeAgo({ iso }: { iso: string }) {
  const [exact, setExact] = useState<string>();
  const [, tick] = useState(0);
  useEffect(() => {
    // The browser's timezone is not known while rendering on the server.
    setExact(formatMoment(iso));
    const timer = setInterval(() => tick((count) => count + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, [iso]);
  return (
    <time dateTime={iso} title={exact} suppressHydrationWarning className="whitespace-nowrap">
      {timeAgo(iso)}
    </time>
  );
}

/** A moment in the browser's timezone; until that is known, in UTC. */
export function LocalTime({ iso }: { iso: string }) {
  const [local, setLocal] = useState<string>();
  useEffect(() => setLocal(formatMoment(iso)), [iso]);
  return <time dateTime={iso}>{local ?? `${formatMoment(iso, "UTC")} UTC`}</time>;
}
