import type { ApiTokenInput } from "@synergy/client";
import { useId, useState } from "react";
import { Button } from "~/components/ui/button";
import { CopyField } from "~/components/ui/copy-button";
import { Dialog } from "~/components/ui/dialog";
import { SelectField, TextField } from "~/components/ui/field";
import { useCreateToken } from "~/features/account/mutations";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

type Scope = ApiTokenInput["scopes"][number];

const SCOPES: Record<Scope, string> = {
  read: "Read what you may see",
  write: "Read and change what you may change",
  admin: "What administrators may do",
};
const DAYS = [30, 90, 365] as const;
const DAY_MS = 86_400_000;

/** Makes a personal token, and shows it this once. */
export default function CreateTokenDialog({ isAdmin, onClose }: { isAdmin: boolean; onClose: () => void }) {
  const create = useCreateToken();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"]);
  const [days, setDays] = useState<number>(DAYS[1]);
  const scopesErrorId = useId();
  const failure = failureOf(create.error);
  const scopesError = fieldError(failure, "scopes");
  if (create.data) return <TokenShown token={create.data.token} onClose={onClose} />;

  const choices = (Object.keys(SCOPES) as Scope[]).filter((scope) => scope !== "admin" || isAdmin);
  const toggle = (scope: Scope) =>
    setScopes(scopes.includes(scope) ? scopes.filter((other) => other !== scope) : [...scopes, scope]);
  return (
    <FormDialog
      title="New token"
      action="Make the token"
      failure={failure}
      fields={["name", "scopes", "expires_at"]}
      isPending={create.isPending}
      onSubmit={() =>
        create.mutate({
          name: name.trim(),
          scopes: [...scopes],
          expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
        })
      }
      onClose={onClose}
    >
      <TextField
        label="Name"
        autoFocus
        required
        maxLength={100}
        placeholder="Nightly report"
        value={name}
        onChange={(event) => setName(event.target.value)}
        error={fieldError(failure, "name")}
      />
      <fieldset aria-describedby={scopesError && scopesErrorId} className="flex flex-col gap-1">
        <legend className="mb-1 text-meta font-medium">Scopes</legend>
        {choices.map((scope) => (
          <label key={scope} className="flex min-h-7 items-center gap-2.5 touch:min-h-11">
            <input
              type="checkbox"
              className="size-3.5 accent-accent touch:size-5"
              checked={scopes.includes(scope)}
              onChange={() => toggle(scope)}
            />
            <span>
              <code>{scope}</code> <span className="text-muted">{SCOPES[scope]}</span>
            </span>
          </label>
        ))}
        {scopesError && (
          <p id={scopesErrorId} className="text-meta text-danger">
            {scopesError}
          </p>
        )}
      </fieldset>
      <SelectField
        label="Good for"
        value={days}
        onChange={(event) => setDays(Number(event.target.value))}
        error={fieldError(failure, "expires_at")}
      >
        {DAYS.map((count) => (
          <option key={count} value={count}>
            {count} days
          </option>
        ))}
        <option value={0}>Until I revoke it</option>
      </SelectField>
    </FormDialog>
  );
}

function TokenShown({ token, onClose }: { token: string; onClose: () => void }) {
  return (
    <Dialog title="Your new token" isOpen isKept onOpenChange={onClose}>
      <p className="mb-3 text-body text-muted">
        Scripts send it as <code>Authorization: Bearer …</code>. Copy it now: it is not shown again.
      </p>
      <CopyField label="Token" text={token} />
      <div className="mt-4 flex justify-end">
        <Button variant="primary" size="md" onPress={onClose}>
          I have copied it
        </Button>
      </div>
    </Dialog>
  );
}
