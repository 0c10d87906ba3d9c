import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { Button } from "~/components/ui/button";
import { Dialog } from "~/components/ui/dialog";
import { Select, TextAreaField, TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { useCreateTask } from "~/features/board/mutations";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { projectsQuery } from "~/features/projects/queries";
import { mayEditTasks } from "~/features/projects/roles";
import type { NewTask } from "~/features/shell/shell-context";
import { AssigneePicker, DuePicker, LabelPicker, PriorityPicker, StatusPicker } from "~/features/tasks/pickers";
import type { Label, Person, Priority, Status } from "~/lib/types";

export default function CreateTaskDialog({ preset, onClose }: { preset: NewTask; onClose: () => void }) {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { data: projects } = useQuery(projectsQuery);
  const choices = projects?.items.filter(mayEditTasks) ?? [];
  const [projectId, setProjectId] = useState(
    () => choices.find((project) => project.id === preset.projectId)?.id ?? choices[0]?.id ?? "",
  );
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [status, setStatus] = useState<Status>(preset.status ?? "todo");
  const [priority, setPriority] = useState<Priority>("medium");
  const [assignees, setAssignees] = useState<Person[]>([]);
  const [labels, setLabels] = useState<Label[]>([]);
  const [dueDate, setDueDate] = useState<string | null>(null);
  const create = useCreateTask(projectId);
  const failure = failureOf(create.error);

  const chooseProject = (id: string) => {
    setProjectId(id);
    // People and labels belong to one project.
    setAssignees([]);
    setLabels([]);
  };
  const submit = () => {
    create.mutate(
      {
        title: title.trim(),
        description,
        status,
        priority,
        due_date: dueDate,
        assignee_ids: assignees.map((person) => person.id),
        label_ids: labels.map((label) => label.id),
      },
      {
        onSuccess: (task) => {
          onClose();
          const board = `/projects/${task.project_id}/board`;
          toastDone(`${task.key} created.`, {
            label: "Open",
            run: () =>
              navigate(`${pathname.startsWith(`/projects/${task.project_id}/`) ? "" : board}?task=${task.key}`),
          });
        },
      },
    );
  };

  if (projects && choices.length === 0) {
    return (
      <Dialog title="New task" isOpen onOpenChange={onClose}>
        <p className="text-body text-muted">Tasks belong to a project, and you cannot add to any yet.</p>
        <div className="mt-4 flex justify-end">
          <Button
            variant="primary"
            size="md"
            onPress={() => {
              onClose();
              navigate("/projects?new");
            }}
          >
            Create a project
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title="New task"
      action="Create task"
      failure={failure}
      fields={["title", "description"]}
      isPending={create.isPending}
      onSubmit={submit}
      onClose={onClose}
      isWide
    >
      <div className="flex items-center gap-2 text-meta text-muted">
        <span aria-hidden>Project</span>
        <Select
          aria-label="Project"
          value={projectId}
          onChange={(event) => chooseProject(event.target.value)}
          className="max-w-full"
        >
          {choices.map((project) => (
            <option key={project.id} value={project.id}>
              {project.key} · {project.name}
            </option>
          ))}
        </Select>
      </div>
      <TextField
        label="Title"
        autoFocus
        required
        maxLength={200}
        placeholder="What needs to be done?"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        error={fieldError(failure, "title")}
      />
      <TextAreaField
        label="Description"
        isOptional
        rows={4}
        maxLength={100_000}
        placeholder="Markdown"
        value={description}
        onChange={(event) => setDescription(event.target.value)}
        error={fieldError(failure, "description")}
      />
      <div className="grid grid-cols-2 gap-x-3 gap-y-1 rounded-control border border-line p-1.5 max-sm:grid-cols-1">
        <StatusPicker value={status} onChange={setStatus} />
        <PriorityPicker value={priority} onChange={setPriority} />
        {projectId && <AssigneePicker projectId={projectId} value={assignees} onChange={setAssignees} />}
        <DuePicker value={dueDate} onChange={setDueDate} />
        {projectId && (
          <div className="col-span-full flex items-center">
            <LabelPicker projectId={projectId} value={labels} onChange={setLabels} />
          </div>
        )}
      </div>
    </FormDialog>
  );
}
