import type { ReactNode } from "react";
import { Button } from "~/components/ui/button";
import { Dialog } from "~/components/ui/dialog";

interface ConfirmDialogProps {
  title: string;
  /** What will happen, in a sentence. */
  children: ReactNode;
  action: string;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  onConfirm: () => void;
}

/** Asks before something that cannot simply be undone. */
export default function ConfirmDialog({
  title,
  children,
  action,
  isOpen,
  onOpenChange,
  onConfirm,
}: ConfirmDialogProps) {
  return (
    <Dialog title={title} isOpen={isOpen} onOpenChange={onOpenChange}>
      <p className="text-body text-muted">{children}</p>
      <div className="mt-4 flex justify-end gap-2">
        <Button slot="close" size="md">
          Cancel
        </Button>
        <Button
          variant="danger"
          size="md"
          autoFocus
          onPress={() => {
            onConfirm();
            onOpenChange(false);
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
