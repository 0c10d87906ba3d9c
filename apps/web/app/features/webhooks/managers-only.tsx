import { Lock } from "lucide-react";
import { EmptyState } from "~/components/ui/states";
import type { Project } from "~/lib/types";

/** Who may see webhooks, for those who may not. */
export function ManagersOnly({ project }: { project: Project }) {
  return (
    <EmptyState icon={<Lock />} title="Webhooks are for managers and owners">
      Only managers and the owner of this project may see where its events are sent. Ask {project.owner.name} if you
      need one.
    </EmptyState>
  );
}
