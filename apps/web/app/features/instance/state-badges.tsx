import type { BackupRecord, HealthCheck, MaintenanceTaskView } from "@synergy/client";
import { CircleCheck, CircleDashed, CircleSlash, CircleX, ClockAlert, TriangleAlert } from "lucide-react";
import { Badge, type Look } from "~/components/ui/badge";

type Shown = readonly [look: Look, name: string];

const good: Look = [CircleCheck, "text-ok"];
const doubtful: Look = [TriangleAlert, "text-warn"];
const bad: Look = [CircleX, "text-danger"];

const checkStates: Record<HealthCheck["state"], Shown> = {
  ok: [good, "Well"],
  warning: [doubtful, "Warning"],
  fault: [bad, "Fault"],
};
const outcomes: Record<BackupRecord["outcome"], Shown> = {
  ok: [good, "Well"],
  attention: [doubtful, "To look at"],
  failed: [bad, "Failed"],
};
const maintenanceStates: Record<MaintenanceTaskView["state"], Shown> = {
  ok: [good, "Done"],
  attention: [doubtful, "To look at"],
  overdue: [[ClockAlert, "text-danger"], "Overdue"],
  never: [[CircleDashed, "text-info"], "Not done yet"],
  not_applicable: [[CircleSlash, "text-subtle"], "Not in use"],
};

export function CheckBadge({ state }: { state: HealthCheck["state"] }) {
  const [look, name] = checkStates[state];
  return <Badge look={look} name={name} />;
}

export function OutcomeBadge({ outcome }: { outcome: BackupRecord["outcome"] }) {
  const [look, name] = outcomes[outcome];
  return <Badge look={look} name={name} />;
}

export function MaintenanceBadge({ state }: { state: MaintenanceTaskView["state"] }) {
  const [look, name] = maintenanceStates[state];
  return <Badge look={look} name={name} />;
}
