import type { AdminUserView } from "@synergy/client";
import { Ellipsis, Link2, LogOut, ShieldOff, Trash2, UserCheck, UserX } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { IconButton } from "~/components/ui/button";
import { Menu, MenuItem, MenuSeparator, MenuTrigger } from "~/components/ui/menu";
import { toastDone } from "~/components/ui/toast";
import { useActivate, useDeactivate, useResetFactors, useSignOut } from "~/features/admin/mutations";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));
const DeleteAccountDialog = lazy(() => import("~/features/admin/delete-account-dialog"));
const LinkPersonDialog = lazy(() => import("~/features/admin/link-person-dialog"));

type Asking = "deactivate" | "sign-out" | "reset" | "delete" | "link";

/** What is done to an account now and then. */
export default function AccountMenu({ account, name }: { account: AdminUserView; name: string }) {
  const [asking, setAsking] = useState<Asking>();
  const close = () => setAsking(undefined);
  const { mutate: activate } = useActivate();
  const { mutate: deactivate } = useDeactivate();
  const { mutate: signOut } = useSignOut();
  const { mutate: resetFactors } = useResetFactors();
  return (
    <>
      <MenuTrigger>
        <IconButton label={`More actions for ${name}`}>
          <Ellipsis />
        </IconButton>
        <Menu aria-label="Actions" placement="bottom end">
          {account.is_person_only && (
            <MenuItem id="link" icon={<Link2 />} onAction={() => setAsking("link")}>
              Link to an account
            </MenuItem>
          )}
          {account.is_active && (
            <MenuItem id="sign-out" icon={<LogOut />} onAction={() => setAsking("sign-out")}>
              Sign out everywhere
            </MenuItem>
          )}
          {account.has_second_factor && (
            <MenuItem id="reset" icon={<ShieldOff />} onAction={() => setAsking("reset")}>
              Reset the second factor
            </MenuItem>
          )}
          {account.is_active && (
            <MenuItem id="deactivate" icon={<UserX />} onAction={() => setAsking("deactivate")}>
              Deactivate
            </MenuItem>
          )}
          {!account.is_active && !account.is_person_only && (
            <MenuItem
              id="activate"
              icon={<UserCheck />}
              onAction={() => activate(account.id, { onSuccess: () => toastDone(`${name} may sign in again.`) })}
            >
              Activate
            </MenuItem>
          )}
          <MenuSeparator />
          <MenuItem id="delete" icon={<Trash2 />} isDanger onAction={() => setAsking("delete")}>
            Delete
          </MenuItem>
        </Menu>
      </MenuTrigger>
      <Suspense fallback={null}>
        {asking === "delete" && <DeleteAccountDialog account={account} name={name} onClose={close} />}
        {asking === "link" && <LinkPersonDialog person={account} name={name} onClose={close} />}
        {asking === "deactivate" && (
          <ConfirmDialog
            title={`Deactivate ${name}?`}
            action="Deactivate"
            isOpen
            onOpenChange={close}
            onConfirm={() => deactivate(account.id, { onSuccess: () => toastDone(`${name} is deactivated.`) })}
          >
            They are signed out at once and cannot sign in. Their work and memberships stay.
          </ConfirmDialog>
        )}
        {asking === "sign-out" && (
          <ConfirmDialog
            title={`Sign ${name} out everywhere?`}
            action="Sign out"
            isOpen
            onOpenChange={close}
            onConfirm={() => signOut(account.id, { onSuccess: () => toastDone(`${name} is signed out.`) })}
          >
            All their sessions end at once. They can sign in again.
          </ConfirmDialog>
        )}
        {asking === "reset" && (
          <ConfirmDialog
            title={`Reset the second factor of ${name}?`}
            action="Reset"
            isOpen
            onOpenChange={close}
            onConfirm={() =>
              resetFactors(account.id, { onSuccess: () => toastDone(`${name} signs in with the password alone.`) })
            }
          >
            Be sure that it is them who ask: with the password alone one gets in afterwards.
          </ConfirmDialog>
        )}
      </Suspense>
    </>
  );
}
