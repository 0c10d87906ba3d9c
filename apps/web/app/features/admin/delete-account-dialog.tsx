import type { AdminUserView, UserSummary } from "@synergy/client";
import { useState } from "react";
import { toastDone } from "~/components/ui/toast";
import { useDeleteAccount } from "~/features/admin/mutations";
import { PersonPicker } from "~/features/admin/person-picker";
import { failureOf } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

interface DeleteAccountDialogProps {
  account: AdminUserView;
  name: string;
  onClose: () => void;
}

/** Deletes an account; who gets the projects that it owns is asked when there are any. */
export default function DeleteAccountDialog({ account, name, onClose }: DeleteAccountDialogProps) {
  const { mutate: remove, error, isPending } = useDeleteAccount();
  const [heir, setHeir] = useState<UserSummary>();
  const failure = failureOf(error);
  const mustTransfer = failure?.problem.code === "owns_projects";
  return (
    <FormDialog
      title={`Delete ${name}?`}
      action="Delete for good"
      failure={failure}
      fields={[]}
      isPending={isPending}
      onSubmit={() =>
        remove(
          { id: account.id, transferTo: heir?.id ?? null },
          {
            onSuccess: () => {
              onClose();
              toastDone(`${name} is deleted.`);
            },
          },
        )
      }
      onClose={onClose}
    >
      <p className="text-body text-muted">
        They leave all projects and are taken off their tasks. What they wrote stays, under the name “Deleted user”.
        This cannot be undone.
      </p>
      {mustTransfer && (
        <PersonPicker label="Who gets their projects" chosen={heir} without={account.id} onChoose={setHeir} />
      )}
    </FormDialog>
  );
}
