import { useState } from "react";
import { SelectField, TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { useInvite } from "~/features/members/mutations";
import { grantableRoles, ROLE_NAMES } from "~/features/projects/roles";
import type { GrantableRole, Project } from "~/lib/types";

/** Asks somebody into the project by mail, whether they have an account or not. */
export default function InviteDialog({ project, onClose }: { project: Project; onClose: () => void }) {
  const { mutate: invite, error, isPending } = useInvite(project.id);
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<GrantableRole>("member");
  const failure = failureOf(error);
  const submit = () =>
    invite(
      { email: email.trim(), role },
      {
        onSuccess: (invitation) => {
          onClose();
          toastDone(`An invitation is on its way to ${invitation.email}.`);
        },
      },
    );
  return (
    <FormDialog
      title={`Invite to ${project.name}`}
      action="Send the invitation"
      failure={failure}
      fields={["email", "role"]}
      isPending={isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        label="Email"
        type="email"
        autoFocus
        required
        maxLength={254}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        hint="They get a link that is good for seven days."
        error={fieldError(failure, "email")}
      />
      <SelectField
        label="Role"
        value={role}
        onChange={(event) => setRole(event.target.value as GrantableRole)}
        error={fieldError(failure, "role")}
      >
        {grantableRoles(project).map((choice) => (
          <option key={choice} value={choice}>
            {ROLE_NAMES[choice]}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
