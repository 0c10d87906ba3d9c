import type { BackupRecord, HealthCheck, MaintenanceTaskView } from "@synergy/client";
import { CircleCheck, CircleDashed, CircleSlash, CircleX, ClockAlert, TriangleAlert } from "lucide-react";
import { Badge, type Look } from "~/components/ui/badge";
import { CHECK_STATE_NAMES } from "~/features/instance/health";
import { MAINTENANCE_STATE_NAMES } from "~/features/instance/maintenance";

const checkLooks: Record<HealthCheck["state"], Look> = {
  ok: [CircleCheck, "text-ok"],
  warning: [TriangleAlert, "text-warn"],
  fault: [CircleX, "text-danger"],
};
const outcomes: Record<BackupRecord["outcome"], readonly [Look, string]> = {
  ok: [checkLooks.ok, "Well"],
  attention: [checkLooks.warning, "To look at"],
  failed: [checkLooks.fault, "Failed"],
};
const maintenanceLooks: Record<MaintenanceTaskView["state"], Look> = {
  ok: checkLooks.ok,
  attention: checkLooks.warning,
  overdue: [ClockAlert, "text-danger"],
  never: [CircleDashed, "text-info"],
  not_applicable: [CircleSlash, "text-subtle"],
};

export function CheckBadge({ state }: { state: HealthCheck["state"] }) {
  return <Badge look={checkLooks[state]} name={CHECK_STATE_NAMES[state]} />;
}

export function OutcomeBadge({ outcome }: { outcome: BackupRecord["outcome"] }) {
  const [look, name] = outcomes[outcome];
  return <Badge look={look} name={name} />;
}

export function MaintenanceBadge({ state }: { state: MaintenanceTaskView["state"] }) {
  return <Badge look={maintenanceLooks[state]} name={MAINTENANCE_STATE_NAMES[state]} />;
}
