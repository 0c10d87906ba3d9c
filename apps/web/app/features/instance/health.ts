import type { HealthCheck, SystemHealth } from "@synergy/client";
import { plural } from "~/lib/format";

type CheckName = HealthCheck["name"];
type CheckState = HealthCheck["state"];

/** What is looked at, and the page that shows more of it. */
export const CHECKS: Record<CheckName, { title: string; about: string; to?: string }> = {
  database: { title: "Database", about: "PostgreSQL" },
  schema: { title: "Schema", about: "the database’s tables fit this version" },
  broker: { title: "Broker", about: "Redis for background work" },
  cache: { title: "Cache", about: "Redis for limits and what is quickly made again" },
  worker: { title: "Workers", about: "do the background work", to: "/admin/queues" },
  scheduler: { title: "Schedulers", about: "begin what is due at a time", to: "/admin/schedules" },
  outbox: { title: "Outbox", about: "changes that nobody was told of yet", to: "/admin/queues" },
  jobs: { title: "Due work", about: "jobs that should have begun", to: "/admin/queues" },
  dead_letters: { title: "Dead letters", about: "jobs that were given up", to: "/admin/dead-letters" },
  files: { title: "Room for files", about: "the disk of what people upload" },
};

/** What there is to say in one line. */
export function healthSentence({ checks }: Pick<SystemHealth, "checks">): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const parts = [
    count("fault") && plural(count("fault"), "fault"),
    count("warning") && plural(count("warning"), "warning"),
  ];
  return parts.filter(Boolean).join(", ") || "All is well";
}
