import { useState } from "react";
import { CodeField } from "~/features/account/fields";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

interface EmailCodesDialogProps {
  email: string | null;
  error: unknown;
  isPending: boolean;
  onConfirm: (code: string) => void;
  onClose: () => void;
}

/** The first code that was mailed turns codes by mail on. */
export default function EmailCodesDialog({ email, error, isPending, onConfirm, onClose }: EmailCodesDialogProps) {
  const [code, setCode] = useState("");
  const failure = failureOf(error);
  return (
    <FormDialog
      title="Codes by mail"
      action="Turn them on"
      failure={failure}
      fields={["code"]}
      isPending={isPending}
      onSubmit={() => onConfirm(code.trim())}
      onClose={onClose}
    >
      <p className="text-body text-muted">A code was mailed to {email}. It is good for 10 minutes.</p>
      <CodeField autoFocus value={code} onChange={setCode} error={fieldError(failure, "code")} />
    </FormDialog>
  );
}
