import { type ReactNode, useState } from "react";
import { OwnPasswordField } from "~/features/account/fields";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

interface ConfirmPasswordProps {
  title: string;
  action: string;
  hasPassword: boolean;
  /** What the server refused the last time. */
  error: unknown;
  isPending: boolean;
  /** Gets the password; null for an account that has none. */
  onConfirm: (password: string | null) => void;
  onClose: () => void;
  /** What will happen, in a sentence. */
  children: ReactNode;
}

/** Asks for one's own password before something that changes how one gets in. */
export default function ConfirmPassword({
  title,
  action,
  hasPassword,
  error,
  isPending,
  onConfirm,
  onClose,
  children,
}: ConfirmPasswordProps) {
  const [password, setPassword] = useState("");
  const failure = failureOf(error);
  return (
    <FormDialog
      title={title}
      action={action}
      failure={failure}
      fields={["password"]}
      isPending={isPending}
      onSubmit={() => onConfirm(hasPassword ? password : null)}
      onClose={onClose}
    >
      <p className="text-body text-muted">{children}</p>
      {hasPassword && (
        <OwnPasswordField autoFocus value={password} onChange={setPassword} error={fieldError(failure, "password")} />
      )}
    </FormDialog>
  );
}
