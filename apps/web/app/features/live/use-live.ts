import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { EventApplier } from "~/features/live/events";
import { followEvents, type LiveState } from "~/features/live/stream";

/** Keep this tab's cache up to date with what everyone does. */
export function useLive(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  useEffect(() => {
    const applier = new EventApplier(client);
    let wasLive = false;
    return followEvents({
      onEvent: (event) => applier.apply(event),
      onReset: () => client.invalidateQueries(),
      onState: (next) => {
        setState(next);
        // Between the page's making and the stream's beginning something may have happened.
        if (next === "live" && !wasLive) {
          wasLive = true;
          client.invalidateQueries({ queryKey: ["board"] });
          client.invalidateQueries({ queryKey: ["task"] });
          client.invalidateQueries({ queryKey: ["notifications"] });
        }
      },
    });
  }, [client]);
  return state;
}
