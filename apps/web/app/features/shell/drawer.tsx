import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import type { LiveState } from "~/features/live/stream";
import { Sidebar } from "~/features/shell/sidebar";

/** The sidebar on narrow screens, over the page. */
export default function Drawer({ onClose, liveState }: { onClose: () => void; liveState: LiveState }) {
  return (
    <ModalOverlay
      isOpen
      onOpenChange={onClose}
      isDismissable
      className="fixed inset-0 z-40 animate-fade-in bg-scrim md:hidden"
    >
      <Modal className="h-full w-fit animate-[slide-from-left_160ms_var(--ease-out)] border-e border-line bg-sunken shadow-pop">
        <Dialog aria-label="Navigation" className="h-full outline-none">
          <Sidebar liveState={liveState} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
