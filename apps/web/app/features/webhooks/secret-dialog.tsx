import { Button } from "~/components/ui/button";
import { CopyField } from "~/components/ui/copy-button";
import { Dialog } from "~/components/ui/dialog";
import { formatMoment } from "~/lib/format";

interface SecretDialogProps {
  title: string;
  secret: string;
  /** Until when the previous secret signs too. */
  previousUntil?: string | null;
  onClose: () => void;
}

/** Shows a secret, this once. */
export default function SecretDialog({ title, secret, previousUntil, onClose }: SecretDialogProps) {
  return (
    <Dialog title={title} isOpen isKept onOpenChange={onClose}>
      <p className="mb-3 text-body text-muted">
        The receiver verifies the messages with this secret. Copy it now: it is not shown again.
        {previousUntil && ` Until ${formatMoment(previousUntil)} messages are signed with the previous one too.`}
      </p>
      <CopyField label="Secret" text={secret} />
      <div className="mt-4 flex justify-end">
        <Button variant="primary" size="md" onPress={onClose}>
          I have copied it
        </Button>
      </div>
    </Dialog>
  );
}
