import type { UseQueryResult } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { TimeAgo } from "~/components/time-ago";
import { IconButton } from "~/components/ui/button";
import { reasonOf } from "~/lib/api";

interface FreshnessProps {
  query: Pick<UseQueryResult, "dataUpdatedAt" | "error" | "refetch">;
}

/** How old what is shown is, and the button that asks again; says so when the last answer did not come. */
export function Freshness({ query: { dataUpdatedAt, error, refetch } }: FreshnessProps) {
  const at = <TimeAgo iso={new Date(dataUpdatedAt).toISOString()} />;
  return (
    <div className="flex items-center gap-1 text-meta text-subtle">
      {error ? (
        <p role="alert" className="text-danger">
          {reasonOf(error)} This is as it was {at}.
        </p>
      ) : (
        <p>Looked at {at}</p>
      )}
      <IconButton label="Look again" onPress={() => refetch()}>
        <RotateCw />
      </IconButton>
    </div>
  );
}
