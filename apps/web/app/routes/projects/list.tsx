import { useSuspenseQuery } from "@tanstack/react-query";
import { FolderKanban, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { inputClass } from "~/components/ui/field";
import { EmptyState } from "~/components/ui/states";
import { ProjectCard } from "~/features/projects/project-card";
import { projectsQuery } from "~/features/projects/queries";
import { Header } from "~/features/shell/header";
import type { Route } from "./+types/list";

const CreateProjectDialog = lazy(() => import("~/features/projects/create-project-dialog"));

export const meta: Route.MetaFunction = () => [{ title: "Projects · SynergyOS" }];

// The shell has loaded the projects for its sidebar.
export default function ProjectsPage() {
  const { data: projects } = useSuspenseQuery(projectsQuery);
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState("");
  const isCreating = params.has("new");
  const setCreating = (on: boolean) => setParams(on ? { new: "" } : {}, { replace: true });
  const wanted = text.trim().toLowerCase();
  const shown = projects.items.filter((project) => `${project.key} ${project.name}`.toLowerCase().includes(wanted));

  return (
    <>
      <Header
        title={<h1 className="font-semibold">Projects</h1>}
        actions={
          <>
            {projects.items.length > 6 && (
              <input
                type="search"
                aria-label="Filter projects"
                placeholder="Filter…"
                value={text}
                onChange={(event) => setText(event.target.value)}
                className={`${inputClass} h-7 w-44 px-2.5 touch:h-11 max-sm:w-28`}
              />
            )}
            <Button variant="primary" onPress={() => setCreating(true)}>
              <Plus aria-hidden /> New project
            </Button>
          </>
        }
      />
      <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
        {projects.items.length === 0 ? (
          <EmptyState
            icon={<FolderKanban />}
            title="No projects yet"
            action={
              <Button variant="primary" size="md" onPress={() => setCreating(true)}>
                <Plus aria-hidden /> Create a project
              </Button>
            }
          >
            A project holds a team's tasks on one board. Create the first, or ask a colleague to add you to theirs.
          </EmptyState>
        ) : (
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(18rem,100%),1fr))] gap-3">
            {shown.map((project) => (
              <li key={project.id}>
                <ProjectCard project={project} />
              </li>
            ))}
          </ul>
        )}
        {shown.length === 0 && projects.items.length > 0 && <p className="text-muted">No project matches “{text}”.</p>}
      </div>
      <Suspense fallback={null}>{isCreating && <CreateProjectDialog onClose={() => setCreating(false)} />}</Suspense>
    </>
  );
}
