import { Ellipsis, History, KeyRound, Pencil, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useNavigate } from "react-router";
import { IconButton } from "~/components/ui/button";
import { Menu, MenuItem, MenuSeparator, MenuTrigger } from "~/components/ui/menu";
import { toastDone } from "~/components/ui/toast";
import { useDeleteWebhook, useRotateSecret } from "~/features/webhooks/mutations";
import type { Webhook } from "~/lib/types";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));
const EditDialog = lazy(() => import("~/features/webhooks/edit-dialog"));
const ReplayDialog = lazy(() => import("~/features/webhooks/replay-dialog"));
const SecretDialog = lazy(() => import("~/features/webhooks/secret-dialog"));

/** What is done to a webhook now and then. */
export default function WebhookMenu({ webhook }: { webhook: Webhook }) {
  const navigate = useNavigate();
  const { mutate: remove } = useDeleteWebhook(webhook);
  const { mutate: rotate, data: rotated, reset } = useRotateSecret(webhook.id);
  const [dialog, setDialog] = useState<"none" | "edit" | "rotate" | "replay" | "delete">("none");
  const close = () => setDialog("none");
  return (
    <>
      <MenuTrigger>
        <IconButton label={`More actions for ${webhook.name}`}>
          <Ellipsis />
        </IconButton>
        <Menu aria-label="Actions" placement="bottom end">
          <MenuItem id="edit" icon={<Pencil />} onAction={() => setDialog("edit")}>
            Edit
          </MenuItem>
          <MenuItem id="rotate" icon={<KeyRound />} onAction={() => setDialog("rotate")}>
            Change the secret
          </MenuItem>
          <MenuItem id="replay" icon={<History />} isDisabled={!webhook.is_active} onAction={() => setDialog("replay")}>
            Send a time again
          </MenuItem>
          <MenuSeparator />
          <MenuItem id="delete" icon={<Trash2 />} isDanger onAction={() => setDialog("delete")}>
            Delete
          </MenuItem>
        </Menu>
      </MenuTrigger>
      <Suspense fallback={null}>
        {dialog === "edit" && <EditDialog webhook={webhook} onClose={close} />}
        {dialog === "replay" && <ReplayDialog webhook={webhook} onClose={close} />}
        {dialog === "rotate" && (
          <ConfirmDialog
            title="Change the secret?"
            action="Change secret"
            isOpen
            onOpenChange={close}
            onConfirm={() => rotate()}
          >
            You get a new secret. For 24 hours messages are signed with both, so that the receiver can change over.
          </ConfirmDialog>
        )}
        {dialog === "delete" && (
          <ConfirmDialog
            title={`Delete ${webhook.name}?`}
            action="Delete webhook"
            isOpen
            onOpenChange={close}
            onConfirm={() =>
              remove(undefined, {
                onSuccess: () => {
                  toastDone(`${webhook.name} is deleted.`);
                  navigate(`/projects/${webhook.project_id}/webhooks`);
                },
              })
            }
          >
            Nothing is sent there any more, what is on its way is cancelled, and its deliveries can no longer be seen.
          </ConfirmDialog>
        )}
        {rotated && (
          <SecretDialog
            title={`New secret of ${webhook.name}`}
            secret={rotated.secret}
            previousUntil={rotated.webhook.previous_secret_until}
            onClose={reset}
          />
        )}
      </Suspense>
    </>
  );
}
