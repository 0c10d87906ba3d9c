import type { NewUser } from "@synergy/client";
import { useState } from "react";
import { SelectField, TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { useCreateAccount } from "~/features/admin/mutations";
import { GLOBAL_ROLES, type GlobalRole, ROLE_LABELS } from "~/features/admin/roles";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

const FIELDS = ["first_name", "last_name", "username", "email", "role"];
const EMPTY: Required<NewUser> = { first_name: "", last_name: "", username: "", email: "", role: "member" };

/** Makes an account; its user gets a link to choose a password. */
export default function CreateAccountDialog({ onClose }: { onClose: () => void }) {
  const { mutate: create, error, isPending } = useCreateAccount();
  const [draft, setDraft] = useState(EMPTY);
  const failure = failureOf(error);
  const field = (name: "first_name" | "last_name" | "username" | "email") => ({
    required: true,
    value: draft[name],
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value }),
    error: fieldError(failure, name),
  });
  const submit = () =>
    create(
      { ...draft, username: draft.username.trim().toLowerCase(), email: draft.email.trim() },
      {
        onSuccess: () => {
          onClose();
          toastDone(`A link to choose a password is on its way to ${draft.email.trim()}.`);
        },
      },
    );
  return (
    <FormDialog
      title="New user"
      action="Make the account"
      failure={failure}
      fields={FIELDS}
      isPending={isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <div className="grid grid-cols-2 gap-3">
        <TextField label="First name" autoFocus maxLength={50} {...field("first_name")} />
        <TextField label="Last name" maxLength={50} {...field("last_name")} />
      </div>
      <TextField
        label="Username"
        minLength={3}
        maxLength={30}
        autoCapitalize="none"
        spellCheck={false}
        {...field("username")}
      />
      <TextField
        label="Email"
        type="email"
        maxLength={254}
        hint="They get a link there to choose a password; it is good for seven days."
        {...field("email")}
      />
      <SelectField
        label="Role"
        value={draft.role}
        onChange={(event) => setDraft({ ...draft, role: event.target.value as GlobalRole })}
        error={fieldError(failure, "role")}
      >
        {GLOBAL_ROLES.map((role) => (
          <option key={role} value={role}>
            {ROLE_LABELS[role]}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
