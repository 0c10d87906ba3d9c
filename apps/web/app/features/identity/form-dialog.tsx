import type { ReactNode } from "react";
import { Button } from "~/components/ui/button";
import { Dialog } from "~/components/ui/dialog";
import { FormAlert, type FormFailure } from "~/features/identity/form";

interface FormDialogProps {
  title: string;
  /** What the button that submits says. */
  action: string;
  failure: FormFailure | undefined;
  /** The fields that show by themselves what is wrong with them. */
  fields: readonly string[];
  isPending: boolean;
  onSubmit: () => void;
  onClose: () => void;
  isWide?: boolean;
  children: ReactNode;
}

/** A form in a dialog, with what the server refused above its fields. */
export function FormDialog({
  title,
  action,
  failure,
  fields,
  isPending,
  onSubmit,
  onClose,
  isWide,
  children,
}: FormDialogProps) {
  return (
    <Dialog title={title} isOpen onOpenChange={onClose} isWide={isWide}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
        className="flex flex-col gap-4 pt-2"
      >
        <FormAlert failure={failure} fields={fields} />
        {children}
        <div className="flex justify-end gap-2">
          <Button size="md" onPress={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="primary" size="md" isPending={isPending}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
