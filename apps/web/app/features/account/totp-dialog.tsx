import type { TotpSetUp } from "@synergy/client";
import { useState } from "react";
import { CopyField } from "~/components/ui/copy-button";
import { CodeField } from "~/features/account/fields";
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
      <CopyField label="Key" text={setUp.secret} />
      <CodeField autoFocus value={code} onChange={setCode} error={fieldError(failure, "code")} />
    </FormDialog>
  );
}
