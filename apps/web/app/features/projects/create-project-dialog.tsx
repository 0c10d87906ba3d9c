import { Check } from "lucide-react";
import { useState } from "react";
import { Radio, RadioGroup } from "react-aria-components";
import { useNavigate } from "react-router";
import { TextAreaField, TextField } from "~/components/ui/field";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { useCreateProject } from "~/features/projects/mutations";
import { proposeKey } from "~/features/projects/propose-key";

const COLORS = [
  ["#4f52d9", "Indigo"],
  ["#0b68cb", "Blue"],
  ["#0d8a8a", "Teal"],
  ["#18794e", "Green"],
  ["#b7791f", "Amber"],
  ["#c2410c", "Orange"],
  ["#c62a2f", "Red"],
  ["#a21caf", "Purple"],
] as const;

export default function CreateProjectDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const create = useCreateProject();
  const [name, setName] = useState("");
  const [ownKey, setOwnKey] = useState<string>();
  const [description, setDescription] = useState("");
  const [color, setColor] = useState<string>(COLORS[0][0]);
  const key = ownKey ?? proposeKey(name);
  const failure = failureOf(create.error);

  const submit = () => {
    // A proposed key that is taken makes the server propose another; one's own is used as it is, or refused.
    const body = { name: name.trim(), description, color, status: "active" as const, ...(ownKey && { key: ownKey }) };
    create.mutate(body, { onSuccess: (project) => navigate(`/projects/${project.id}/board`) });
  };

  return (
    <FormDialog
      title="New project"
      action="Create project"
      failure={failure}
      fields={["name", "key", "description"]}
      isPending={create.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <div className="grid grid-cols-[1fr_6.5rem] gap-3">
        <TextField
          label="Name"
          autoFocus
          required
          maxLength={200}
          placeholder="Website relaunch"
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={fieldError(failure, "name")}
        />
        <TextField
          label="Key"
          maxLength={6}
          pattern="[A-Z][A-Z0-9]{1,5}"
          title="2 to 6 letters and digits, first a letter"
          placeholder="WEB"
          value={key}
          onChange={(event) => setOwnKey(event.target.value.toUpperCase() || undefined)}
          error={fieldError(failure, "key")}
        />
      </div>
      <p className="-mt-2.5 text-meta text-subtle">
        Tasks are named by the key: {key || "WEB"}-1, {key || "WEB"}-2.
      </p>
      <TextAreaField
        label="Description"
        isOptional
        rows={3}
        value={description}
        onChange={(event) => setDescription(event.target.value)}
        error={fieldError(failure, "description")}
      />
      <RadioGroup aria-label="Colour" value={color} onChange={setColor} orientation="horizontal" className="flex gap-1">
        {COLORS.map(([value, label]) => (
          <Radio
            key={value}
            value={value}
            aria-label={label}
            className="flex size-7 items-center justify-center rounded-full touch:size-9"
          >
            {({ isSelected }) => (
              <span
                className="flex size-5 items-center justify-center rounded-full text-[#fff]"
                style={{ backgroundColor: value }}
              >
                {isSelected && <Check aria-hidden className="size-3.5" strokeWidth={3} />}
              </span>
            )}
          </Radio>
        ))}
      </RadioGroup>
    </FormDialog>
  );
}
