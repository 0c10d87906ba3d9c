import type { TotpSetUp } from "@synergy/client";
import { useState } from "react";
import { CopyButton } from "~/components/ui/copy-button";
import { TextField } from "~/components/ui/field";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

interface TotpDialogProps {
  setUp: TotpSetUp;
  error: unknown;
  isPending: boolean;
  onConfirm: (code: string) => void;
  onClose: () => void;
}

/** The secret for an authenticator app, as a picture and as text; the app's first code turns the factor on. */
export default function TotpDialog({ setUp, error, isPending, onConfirm, onClose }: TotpDialogProps) {
  const [code, setCode] = useState("");
  const failure = failureOf(error);
  return (
    <FormDialog
      title="Set up the authenticator app"
      action="Turn it on"
      failure={failure}
      fields={["code"]}
      isPending={isPending}
      onSubmit={() => onConfirm(code.trim())}
      onClose={onClose}
    >
      <p className="text-body text-muted">Scan this with the app, or type the key into it. Then enter its code.</p>
      <img
        src={`data:image/svg+xml,${encodeURIComponent(setUp.qr_svg)}`}
        alt="QR code for the authenticator app"
        // apps want dark on light, whatever the theme
        className="size-48 self-center rounded-control bg-white p-2"
      />
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <TextField label="Key" readOnly value={setUp.secret} spellCheck={false} className="font-mono" />
        </div>
        <CopyButton text={setUp.secret} label="Copy the key" />
      </div>
      <CodeField code={code} onChange={setCode} error={fieldError(failure, "code")} />
    </FormDialog>
  );
}

interface CodeFieldProps {
  code: string;
  onChange: (code: string) => void;
  error: string | undefined;
}

/** Six digits, which phones offer from an app or a mail by themselves. */
export function CodeField({ code, onChange, error }: CodeFieldProps) {
  return (
    <TextField
      label="Code"
      inputMode="numeric"
      autoComplete="one-time-code"
      autoFocus
      required
      maxLength={10}
      value={code}
      onChange={(event) => onChange(event.target.value)}
      error={error}
    />
  );
}
