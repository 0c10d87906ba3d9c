import { useSuspenseQuery } from "@tanstack/react-query";
import { MailWarning } from "lucide-react";
import { Button } from "~/components/ui/button";
import { toastDone } from "~/components/ui/toast";
import { useResendVerification } from "~/features/account/mutations";
import { meQuery } from "~/features/identity/queries";

/** Asks to confirm one's address; nothing once that is done. */
export function VerifyAddress({ reason }: { reason: string }) {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: resend, isPending } = useResendVerification();
  if (me.email_verified_at || !me.email) return null;
  return (
    <p className="flex flex-wrap items-center gap-2 rounded-control border border-warn/40 bg-warn/8 px-3 py-2">
      <MailWarning aria-hidden className="size-4 shrink-0 text-warn" />
      <span className="min-w-0 flex-1">
        {reason} Follow the link in the mail that was sent to {me.email}.
      </span>
      <Button
        isPending={isPending}
        onPress={() => resend(undefined, { onSuccess: () => toastDone(`A new link was mailed to ${me.email}.`) })}
      >
        Send it again
      </Button>
    </p>
  );
}
