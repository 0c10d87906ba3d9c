import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { Button } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";

interface ShowOlderProps {
  list: Pick<UseInfiniteQueryResult, "hasNextPage" | "isFetchingNextPage" | "isFetchNextPageError" | "fetchNextPage">;
  className?: string;
}

/** Below a list that is loaded by and by; nothing when all of it is there. */
export function ShowOlder({ list, className }: ShowOlderProps) {
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = list;
  if (!hasNextPage) return null;
  return (
    <div className={cx("flex flex-col items-center gap-1 p-2", className)}>
      {isFetchNextPageError && (
        <p role="alert" className="text-danger">
          What is older did not come. Check the connection and try again.
        </p>
      )}
      <Button variant="ghost" isPending={isFetchingNextPage} onPress={() => fetchNextPage()}>
        {isFetchingNextPage ? "Loading…" : "Show older"}
      </Button>
    </div>
  );
}
