import { useSuspenseQuery } from "@tanstack/react-query";
import { Lock } from "lucide-react";
import { type ReactNode, Suspense } from "react";
import { EmptyState, Skeleton } from "~/components/ui/states";
import { projectQuery } from "~/features/projects/queries";
import { maySeeWebhooks } from "~/features/projects/roles";
import type { Project } from "~/lib/types";

interface ManagersPageProps {
  projectId: string;
  children: (project: Project) => ReactNode;
}

/** The frame of pages about webhooks: others than managers are told who may see them. */
export function ManagersPage({ projectId, children }: ManagersPageProps) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
      <title>{`${project.name} · Webhooks · SynergyOS`}</title>
      <div className="mx-auto max-w-4xl">
        {maySeeWebhooks(project) ? (
          // Whoever becomes a manager while looking has not loaded them yet.
          <Suspense fallback={<Skeleton className="h-40" />}>{children(project)}</Suspense>
        ) : (
          <EmptyState icon={<Lock />} title="Webhooks are for managers and owners">
            Only managers and the owner of this project may see where its events are sent. Ask {project.owner.name} if
            you need one.
          </EmptyState>
        )}
      </div>
    </div>
  );
}
