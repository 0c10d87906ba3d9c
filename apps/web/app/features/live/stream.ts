import { EVENT_TYPES } from "~/features/live/events";
import { leaveForSignIn, refreshSession } from "~/lib/browser";
import type { LiveEvent } from "~/lib/types";

export type LiveState = "connecting" | "live" | "offline";

type Message =
  | { kind: "event"; event: LiveEvent }
  | { kind: "reset" }
  | { kind: "state"; state: LiveState }
  | { kind: "hello" };

export interface LiveHandlers {
  onEvent: (event: LiveEvent) => void;
  /** What happened in between is unknown: fetch everything again. */
  onReset: () => void;
  onState: (state: LiveState) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/** Follow the event stream. One tab of a browser holds the connection and tells the others. Returns how to stop. */
export function followEvents({ onEvent, onReset, onState }: LiveHandlers): () => void {
  const channel = new BroadcastChannel("synergy-live");
  const stopping = new AbortController();
  let state: LiveState = "connecting";
  let isLeader = false;

  const handle = (message: Message) => {
    if (message.kind === "event") onEvent(message.event);
    else if (message.kind === "reset") onReset();
    else if (message.kind === "state") onState(message.state);
    else if (isLeader) channel.postMessage({ kind: "state", state } satisfies Message);
  };
  const tell = (message: Message) => {
    if (message.kind === "state") state = message.state;
    channel.postMessage(message);
    handle(message);
  };
  channel.onmessage = ({ data }: MessageEvent<Message>) => handle(data);
  channel.postMessage({ kind: "hello" } satisfies Message);

  const lead = () =>
    new Promise<void>((resolve) => {
      isLeader = true;
      const end = connect(tell);
      stopping.signal.addEventListener("abort", () => {
        end();
        resolve();
      });
    });
  navigator.locks.request("synergy-live", { signal: stopping.signal }, lead).catch(() => undefined);

  return () => {
    stopping.abort();
    channel.close();
  };
}

function connect(tell: (message: Message) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastId = "";
  let delay = FIRST_RETRY_MS;
  let isStopped = false;

  const open = () => {
    if (isStopped) return;
    source = new EventSource(`/api/v1/events${lastId && `?after=${lastId}`}`);
    source.onopen = () => {
      delay = FIRST_RETRY_MS;
      tell({ kind: "state", state: "live" });
    };
    source.onerror = () => {
      tell({ kind: "state", state: "offline" });
      // An interrupted stream comes back by itself; one that was refused does not.
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(reopen, delay);
      delay = Math.min(delay * 2, LONGEST_RETRY_MS);
    };
    for (const type of EVENT_TYPES) source.addEventListener(type, receive);
    source.addEventListener("reset", () => {
      lastId = "";
      tell({ kind: "reset" });
    });
  };
  const receive = (message: MessageEvent<string>) => {
    lastId = message.lastEventId;
    tell({ kind: "event", event: JSON.parse(message.data) as LiveEvent });
  };
  const reopen = async () => {
    try {
      if (!(await refreshSession())) return leaveForSignIn();
    } catch {
      // The server is away; the next attempt finds out.
    }
    open();
  };
  open();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
