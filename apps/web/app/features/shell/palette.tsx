import { useQuery } from "@tanstack/react-query";
import {
  BellRing,
  CornerDownLeft,
  FolderKanban,
  FolderPlus,
  Inbox,
  Keyboard,
  Moon,
  Plus,
  Search,
  Sun,
  Target,
} from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import {
  Autocomplete,
  Dialog,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  Modal,
  ModalOverlay,
  SearchField,
} from "react-aria-components";
import { useNavigate } from "react-router";
import { useSaveTheme } from "~/features/identity/mutations";
import { projectsQuery } from "~/features/projects/queries";
import { ProjectDot } from "~/features/shell/project-dot";
import { useShell } from "~/features/shell/shell-context";
import { taskSearchQuery } from "~/features/tasks/queries";
import { StatusIcon } from "~/features/tasks/status";

const MOST_PROJECTS = 6;

interface Command {
  id: string;
  label: string;
  hint?: string;
  icon: ReactNode;
  run: () => void;
}

/** Go anywhere and do anything by typing: projects and tasks by name, and commands. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const shell = useShell();
  const saveTheme = useSaveTheme();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  const { data: projects } = useQuery(projectsQuery);
  const { data: tasks = [], isFetching } = useQuery(taskSearchQuery(wanted));

  const matches = (label: string) => label.toLowerCase().includes(wanted.toLowerCase());
  const sections: { title: string; items: Command[] }[] = [
    {
      title: "Tasks",
      items: (wanted.length > 1 ? tasks : []).map((task) => ({
        id: `task-${task.id}`,
        label: task.title,
        hint: task.key,
        icon: <StatusIcon status={task.status} />,
        run: () => navigate(`/projects/${task.project_id}/board?task=${task.key}`),
      })),
    },
    {
      title: "Projects",
      items: (projects?.items ?? [])
        .filter((project) => matches(`${project.key} ${project.name}`))
        .slice(0, MOST_PROJECTS)
        .map((project) => ({
          id: `project-${project.id}`,
          label: project.name,
          hint: project.key,
          icon: <ProjectDot color={project.color} className="m-1" />,
          run: () => navigate(`/projects/${project.id}/board`),
        })),
    },
    {
      title: "Commands",
      items: [
        { id: "new-task", label: "New task", hint: "C", icon: <Plus />, run: () => shell.createTask() },
        { id: "new-project", label: "New project", icon: <FolderPlus />, run: () => navigate("/projects?new") },
        { id: "my-work", label: "Go to my work", icon: <Target />, run: () => navigate("/my-work") },
        { id: "inbox", label: "Go to notifications", icon: <Inbox />, run: () => navigate("/notifications") },
        {
          id: "notification-settings",
          label: "Notification settings",
          icon: <BellRing />,
          run: () => navigate("/settings/notifications"),
        },
        { id: "projects", label: "Go to projects", icon: <FolderKanban />, run: () => navigate("/projects") },
        { id: "light", label: "Light appearance", icon: <Sun />, run: () => saveTheme("light") },
        { id: "dark", label: "Dark appearance", icon: <Moon />, run: () => saveTheme("dark") },
        { id: "help", label: "Keyboard shortcuts", hint: "?", icon: <Keyboard />, run: shell.openHelp },
      ].filter((command) => matches(command.label)),
    },
  ].filter((section) => section.items.length > 0);
  const commands = new Map(sections.flatMap((section) => section.items.map((item) => [item.id, item])));

  return (
    <ModalOverlay
      isOpen
      onOpenChange={onClose}
      isDismissable
      className="fixed inset-0 z-50 flex h-(--visual-viewport-height) animate-fade-in items-start justify-center bg-scrim p-4 pt-[14vh] max-sm:pt-4"
    >
      <Modal className="flex max-h-[min(30rem,100%)] w-full max-w-140 animate-rise-in flex-col overflow-hidden rounded-dialog border border-line bg-raised shadow-pop">
        <Dialog aria-label="Search and commands" className="flex min-h-0 flex-col outline-none">
          <Autocomplete inputValue={text} onInputChange={setText}>
            <SearchField
              aria-label="Search"
              autoFocus
              className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-4"
            >
              <Search aria-hidden className="size-4 text-subtle" />
              <Input
                placeholder="Search tasks and projects, or type a command"
                className="h-full min-w-0 flex-1 bg-transparent text-body outline-none [&::-webkit-search-cancel-button]:hidden"
              />
            </SearchField>
            <Menu
              aria-label="Results"
              onAction={(id) => {
                onClose();
                commands.get(String(id))?.run();
              }}
              renderEmptyState={() => (
                <p className="px-2 py-6 text-center text-muted">
                  {isFetching ? "Searching…" : `Nothing matches “${wanted}”.`}
                </p>
              )}
              className="min-h-0 overflow-y-auto p-1.5 outline-none scrollbar-thin"
            >
              {sections.map(({ title, items }) => (
                <MenuSection key={title} id={title} className="[&:not(:first-child)]:mt-2">
                  <Header className="px-2 py-1 text-label font-medium text-subtle">{title}</Header>
                  {items.map(({ id, label, hint, icon }) => (
                    <MenuItem
                      key={id}
                      id={id}
                      textValue={label}
                      className="group flex h-9 items-center gap-2.5 rounded-control px-2 outline-none focused:bg-hover touch:h-11 [&_svg]:size-4 [&_svg]:shrink-0"
                    >
                      <span className="flex text-muted">{icon}</span>
                      <span className="min-w-0 flex-1 truncate">{label}</span>
                      {hint && <span className="text-meta text-subtle">{hint}</span>}
                      <CornerDownLeft aria-hidden className="invisible text-subtle group-focused:visible" />
                    </MenuItem>
                  ))}
                </MenuSection>
              ))}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
