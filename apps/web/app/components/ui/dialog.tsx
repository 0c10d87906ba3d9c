import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { IconButton } from "~/components/ui/button";
import { cx } from "~/components/ui/cx";

interface DialogProps {
  title: string;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  /** Wide enough for two columns; otherwise a form. */
  isWide?: boolean;
  /** Only a button closes it: what it shows is not to be lost by a slip. */
  isKept?: boolean;
  children: ReactNode;
}

export function Dialog({ title, isOpen, onOpenChange, isWide, isKept, children }: DialogProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      isDismissable={!isKept}
      isKeyboardDismissDisabled={isKept}
      className="fixed inset-0 z-50 flex h-(--visual-viewport-height) animate-fade-in items-start justify-center bg-scrim p-4 pt-[12vh] max-sm:items-end max-sm:p-0"
    >
      <Modal
        className={cx(
          "flex max-h-full w-full animate-rise-in flex-col overflow-hidden rounded-dialog border border-line bg-raised shadow-pop max-sm:rounded-b-none",
          isWide ? "max-w-2xl" : "max-w-md",
        )}
      >
        <AriaDialog className="flex min-h-0 flex-col outline-none">
          <header className="flex items-center justify-between gap-2 ps-4 pt-3 pe-3 pb-1">
            <Heading slot="title" className="min-w-0 text-heading font-semibold [overflow-wrap:anywhere]">
              {title}
            </Heading>
            <IconButton slot="close" label="Close">
              <X />
            </IconButton>
          </header>
          <div className="min-h-0 overflow-y-auto px-4 pb-4">{children}</div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
