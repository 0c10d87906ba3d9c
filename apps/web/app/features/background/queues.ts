import type { BackgroundState } from "@synergy/client";

type Queue = BackgroundState["queues"][number];
type Process = BackgroundState["processes"][number];

/** Silent for longer than this, a process is taken for dead, as by the health check. */
const SILENT_AFTER_SECONDS = 20;

const QUEUE_WORDS: Record<string, string> = {
  fast: "what people wait for",
  bulk: "long work, such as imports",
  io: "waiting for other servers: mails, webhooks",
};

/** What a queue is for; nothing for one that this page does not know. */
export function queueAbout(name: Queue["name"]): string {
  return QUEUE_WORDS[name] ?? "";
}

/** Whether a process has not been heard of for too long. */
export function isSilent({ silent_seconds }: Pick<Process, "silent_seconds">): boolean {
  return silent_seconds > SILENT_AFTER_SECONDS;
}
