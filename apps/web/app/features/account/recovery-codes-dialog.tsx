import { Button } from "~/components/ui/button";
import { CopyButton } from "~/components/ui/copy-button";
import { Dialog } from "~/components/ui/dialog";

/** Shows the recovery codes, this once. */
export default function RecoveryCodesDialog({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  return (
    <Dialog title="Your recovery codes" isOpen isKept onOpenChange={onClose}>
      <p className="mb-3 text-body text-muted">
        Each of them gets you in once when your second factor is lost. Keep them where you keep passwords: they are not
        shown again, and older ones are void.
      </p>
      <ul
        aria-label="Recovery codes"
        className="grid grid-cols-1 gap-1 rounded-control border border-line bg-sunken p-3 font-mono text-ui"
      >
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="mt-4 flex justify-end gap-2">
        <CopyButton text={codes.join("\n")} label="Copy the codes" />
        <Button variant="primary" size="md" onPress={onClose}>
          I have kept them
        </Button>
      </div>
    </Dialog>
  );
}
