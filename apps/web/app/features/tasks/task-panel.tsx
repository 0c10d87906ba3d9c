import { Maximize2, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { IconButton } from "~/components/ui/button";
import TaskContent from "~/features/tasks/task-content";
import TaskMenu from "~/features/tasks/task-menu";
import type { Project } from "~/lib/types";
import { useShortcuts } from "~/lib/use-shortcuts";

interface TaskPanelProps {
  taskKey: string;
  project: Project;
  onClose: () => void;
}

/** A task beside the page it was opened from; on phones it covers the page. */
export default function TaskPanel({ taskKey, project, onClose }: TaskPanelProps) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus({ preventScroll: true }), []);
  const openPicker = (name: string) => panel.current?.querySelector<HTMLElement>(`[data-picker="${name}"]`)?.click();
  useShortcuts({ s: () => openPicker("status"), a: () => openPicker("assignees") });

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (document.querySelector('[role="dialog"], [role="menu"]')) return;
      onClose();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [onClose]);

  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={`Task ${taskKey}`}
      className="flex w-105 shrink-0 animate-slide-in flex-col border-s border-line bg-surface outline-none max-md:fixed max-md:inset-0 max-md:z-30 max-md:w-auto max-md:border-0"
    >
      <header className="flex h-12 shrink-0 items-center gap-1 border-b border-line ps-4 pe-2">
        <span className="flex-1 text-meta font-medium text-muted">{taskKey}</span>
        <TaskMenu taskKey={taskKey} project={project} onDeleted={onClose} />
        <Link
          to={`/tasks/${taskKey}`}
          aria-label="Open as a page"
          title="Open as a page"
          className="inline-flex size-7 items-center justify-center rounded-control text-muted hover:bg-hover hover:text-text touch:size-11 [&_svg]:size-4"
        >
          <Maximize2 aria-hidden />
        </Link>
        <IconButton label="Close the task" shortcut="Esc" onPress={onClose}>
          <X />
        </IconButton>
      </header>
      <TaskContent taskKey={taskKey} project={project} />
    </aside>
  );
}
