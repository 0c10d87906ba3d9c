import { useSuspenseQuery } from "@tanstack/react-query";
import { Mail, ScanQrCode, TicketCheck } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Button } from "~/components/ui/button";
import { Section, SectionRow } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import {
  useBeginEmailCodes,
  useBeginTotp,
  useConfirmEmailCodes,
  useConfirmTotp,
  useRenewRecoveryCodes,
  useTurnEmailCodesOff,
  useTurnTotpOff,
} from "~/features/account/mutations";
import { factorsQuery } from "~/features/account/queries";
import { meQuery } from "~/features/identity/queries";
import { plural } from "~/lib/format";

const ConfirmPassword = lazy(() => import("~/features/account/confirm-password"));
const TotpDialog = lazy(() => import("~/features/account/totp-dialog"));
const EmailCodesDialog = lazy(() => import("~/features/account/email-codes-dialog"));
const RecoveryCodesDialog = lazy(() => import("~/features/account/recovery-codes-dialog"));

type Step = "totp-on" | "totp-code" | "totp-off" | "email-on" | "email-code" | "email-off" | "renew";

/** The second factor: an authenticator app, codes by mail, and the codes for when they are lost. */
export function SecondFactors() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: factors } = useSuspenseQuery(factorsQuery);
  const [step, setStep] = useState<Step>();
  const [codes, setCodes] = useState<readonly string[]>();
  const beginTotp = useBeginTotp();
  const confirmTotp = useConfirmTotp();
  const totpOff = useTurnTotpOff();
  const beginEmail = useBeginEmailCodes();
  const confirmEmail = useConfirmEmailCodes();
  const emailOff = useTurnEmailCodesOff();
  const renew = useRenewRecoveryCodes();

  const begin = (next: Step) => {
    for (const change of [beginTotp, confirmTotp, totpOff, beginEmail, confirmEmail, emailOff, renew]) change.reset();
    setStep(next);
  };
  const close = () => setStep(undefined);
  const done = (message: string) => () => {
    close();
    toastDone(message);
  };
  const turnedOn = (message: string) => (answered: { recovery_codes: string[] | null }) => {
    done(message)();
    setCodes(answered.recovery_codes ?? undefined);
  };
  const asked = { hasPassword: me.has_password, onClose: close };
  const hasAny = factors.totp || factors.email;

  return (
    <Section
      title="Second factor"
      intro={
        factors.required
          ? "Your administrator requires one. Besides the password, a sign-in then needs a code."
          : "Besides the password, a sign-in then needs a code. A stolen password alone gets nobody in."
      }
    >
      <ul>
        <Factor
          icon={<ScanQrCode />}
          title="Authenticator app"
          state={factors.totp ? "On" : "Off"}
          action={factors.totp ? "Turn off" : "Set up"}
          label={factors.totp ? "Turn off the authenticator app" : "Set up the authenticator app"}
          onPress={() => begin(factors.totp ? "totp-off" : "totp-on")}
        />
        <Factor
          icon={<Mail />}
          title="Codes by mail"
          state={factors.email ? "On" : "Off"}
          action={factors.email ? "Turn off" : "Turn on"}
          label={factors.email ? "Turn off codes by mail" : "Turn on codes by mail"}
          onPress={() => begin(factors.email ? "email-off" : "email-on")}
        />
        {hasAny && (
          <Factor
            icon={<TicketCheck />}
            title="Recovery codes"
            state={`${plural(factors.recovery_codes_left, "code")} left`}
            action="Renew"
            label="Renew the recovery codes"
            onPress={() => begin("renew")}
          />
        )}
      </ul>
      <Suspense fallback={null}>
        {step === "totp-on" && (
          <ConfirmPassword
            {...asked}
            title="Set up the authenticator app"
            action="Continue"
            error={beginTotp.error}
            isPending={beginTotp.isPending}
            onConfirm={(password) => beginTotp.mutate(password, { onSuccess: () => setStep("totp-code") })}
          >
            An app on your phone, such as Aegis or Google Authenticator, shows a new code every 30 seconds.
          </ConfirmPassword>
        )}
        {step === "totp-code" && beginTotp.data && (
          <TotpDialog
            setUp={beginTotp.data}
            error={confirmTotp.error}
            isPending={confirmTotp.isPending}
            onConfirm={(code) => confirmTotp.mutate(code, { onSuccess: turnedOn("The authenticator app is set up.") })}
            onClose={close}
          />
        )}
        {step === "totp-off" && (
          <ConfirmPassword
            {...asked}
            title="Turn the authenticator app off?"
            action="Turn off"
            error={totpOff.error}
            isPending={totpOff.isPending}
            onConfirm={(password) =>
              totpOff.mutate(password, { onSuccess: done("The authenticator app is turned off.") })
            }
          >
            Sign-ins no longer ask for its codes.
          </ConfirmPassword>
        )}
        {step === "email-on" && (
          <ConfirmPassword
            {...asked}
            title="Turn codes by mail on"
            action="Mail a code"
            error={beginEmail.error}
            isPending={beginEmail.isPending}
            onConfirm={(password) => beginEmail.mutate(password, { onSuccess: () => setStep("email-code") })}
          >
            A sign-in then needs a code that is mailed to {me.email}.
          </ConfirmPassword>
        )}
        {step === "email-code" && (
          <EmailCodesDialog
            email={me.email}
            error={confirmEmail.error}
            isPending={confirmEmail.isPending}
            onConfirm={(code) => confirmEmail.mutate(code, { onSuccess: turnedOn("Codes by mail are turned on.") })}
            onClose={close}
          />
        )}
        {step === "email-off" && (
          <ConfirmPassword
            {...asked}
            title="Turn codes by mail off?"
            action="Turn off"
            error={emailOff.error}
            isPending={emailOff.isPending}
            onConfirm={(password) => emailOff.mutate(password, { onSuccess: done("Codes by mail are turned off.") })}
          >
            Sign-ins no longer ask for them.
          </ConfirmPassword>
        )}
        {step === "renew" && (
          <ConfirmPassword
            {...asked}
            title="Renew the recovery codes?"
            action="Renew"
            error={renew.error}
            isPending={renew.isPending}
            onConfirm={(password) => renew.mutate(password, { onSuccess: turnedOn("There are new recovery codes.") })}
          >
            You get ten new ones. The old ones are void.
          </ConfirmPassword>
        )}
        {codes && <RecoveryCodesDialog codes={codes} onClose={() => setCodes(undefined)} />}
      </Suspense>
    </Section>
  );
}

interface FactorProps {
  icon: ReactNode;
  title: string;
  state: string;
  action: string;
  /** What the button does, for those who do not see the line that it stands in. */
  label: string;
  onPress: () => void;
}

function Factor({ icon, title, state, action, label, onPress }: FactorProps) {
  return (
    <SectionRow
      actions={
        <Button aria-label={label} onPress={onPress}>
          {action}
        </Button>
      }
    >
      <span className="flex items-center gap-3">
        <span aria-hidden className="text-muted [&_svg]:size-4">
          {icon}
        </span>
        <span>
          <span className="block font-medium">{title}</span>
          <span className="block text-meta text-subtle">{state}</span>
        </span>
      </span>
    </SectionRow>
  );
}
