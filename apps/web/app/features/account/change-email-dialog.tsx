import { useState } from "react";
import { TextField } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { OwnPasswordField } from "~/features/account/fields";
import { useChangeEmail } from "~/features/account/mutations";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

/** Has a link mailed to a new address; the account has that address once the link is followed. */
export default function ChangeEmailDialog({ hasPassword, onClose }: { hasPassword: boolean; onClose: () => void }) {
  const { mutate: change, error, isPending } = useChangeEmail();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const failure = failureOf(error);
  const submit = () =>
    change(
      { email: email.trim(), password: hasPassword ? password : null },
      {
        onSuccess: () => {
          onClose();
          toastDone(`Follow the link that was mailed to ${email.trim()}.`);
        },
      },
    );
  return (
    <FormDialog
      title="Change the email address"
      action="Mail the link"
      failure={failure}
      fields={["email", "password"]}
      isPending={isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        label="New address"
        type="email"
        autoComplete="email"
        autoFocus
        required
        maxLength={254}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        error={fieldError(failure, "email")}
      />
      {hasPassword && (
        <OwnPasswordField value={password} onChange={setPassword} error={fieldError(failure, "password")} />
      )}
    </FormDialog>
  );
}
