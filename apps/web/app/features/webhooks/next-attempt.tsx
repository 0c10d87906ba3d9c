import { TimeAgo } from "~/components/time-ago";

const SOON_MS = 45_000;

/** When a delivery is tried again. */
export function NextAttempt({ iso }: { iso: string }) {
  return (
    <span suppressHydrationWarning>
      next attempt {Date.parse(iso) - Date.now() < SOON_MS ? "in a moment" : <TimeAgo iso={iso} />}
    </span>
  );
}
