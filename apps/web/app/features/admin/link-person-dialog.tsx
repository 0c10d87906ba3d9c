import type { AdminUserView, UserSummary } from "@synergy/client";
import { useState } from "react";
import { toastDone } from "~/components/ui/toast";
import { useLinkPerson } from "~/features/admin/mutations";
import { PersonPicker } from "~/features/admin/person-picker";
import { failureOf } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";

interface LinkPersonDialogProps {
  person: AdminUserView;
  name: string;
  onClose: () => void;
}

/** Moves everything of a person without an account to a real one. */
export default function LinkPersonDialog({ person, name, onClose }: LinkPersonDialogProps) {
  const { mutate: link, error, isPending } = useLinkPerson();
  const [account, setAccount] = useState<UserSummary>();
  return (
    <FormDialog
      title={`Link ${name} to an account`}
      action="Link"
      failure={failureOf(error)}
      fields={[]}
      isPending={isPending}
      onSubmit={() =>
        account &&
        link(
          { id: person.id, userId: account.id },
          {
            onSuccess: () => {
              onClose();
              toastDone(`Everything of ${name} belongs to ${account.name} now.`);
            },
          },
        )
      }
      onClose={onClose}
    >
      <p className="text-body text-muted">
        Tasks, comments and memberships of this person, whom an import made, move to the account. This cannot be undone.
      </p>
      <PersonPicker label="The account" chosen={account} without={person.id} onChoose={setAccount} />
    </FormDialog>
  );
}
