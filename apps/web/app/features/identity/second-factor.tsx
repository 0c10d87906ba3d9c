import type { SecondFactor } from "@synergy/client";
import { Form, Link, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";

type Method = SecondFactor["method"];

/** A sign-in between its first and its second factor. */
export interface Challenge {
  token: string;
  methods: Method[];
  /** The one that is asked for now. */
  method: Method;
}

const METHODS: Record<Method, { title: string; hint: string; label: string; other: string }> = {
  totp: {
    title: "Enter the code of your app",
    hint: "Your authenticator app shows a new one every 30 seconds.",
    label: "Code",
    other: "Use the authenticator app",
  },
  email: {
    title: "Enter the code from the mail",
    hint: "It is good for 10 minutes.",
    label: "Code",
    other: "Have a code mailed",
  },
  recovery_code: {
    title: "Enter a recovery code",
    hint: "Each of the codes that you kept is good once.",
    label: "Recovery code",
    other: "Use a recovery code",
  },
};

const isMethod = (value: string): value is Method => value in METHODS;

/** The challenge that a form carries, or the address that a provider's way back ends at. */
export function readChallenge(values: FormData | URLSearchParams): Challenge | undefined {
  const token = values.get("mfa_token");
  const methods = String(values.get("methods") ?? "")
    .split(",")
    .filter(isMethod);
  const wanted = String(values.get("method") ?? "");
  const method = isMethod(wanted) ? wanted : methods[0];
  return token && method ? { token: String(token), methods, method } : undefined;
}

interface SecondFactorFormProps {
  challenge: Challenge;
  failure: FormFailure | undefined;
  isCodeSent: boolean;
}

/** The second step of a sign-in. It works without scripts: the challenge travels in the form. */
export function SecondFactorForm({ challenge, failure, isCodeSent }: SecondFactorFormProps) {
  const isBusy = useNavigation().state !== "idle";
  const [params] = useSearchParams();
  const { method, methods } = challenge;
  const { title, hint, label } = METHODS[method];
  const isWaiting = method === "email" && !isCodeSent && !failure;
  return (
    <>
      <h1 className="mb-2 text-page font-semibold">{isWaiting ? "Have a code mailed" : title}</h1>
      <p role="status" className="mb-4 text-muted">
        {isWaiting ? "We mail you a code that completes the sign-in." : hint}
      </p>
      <FormAlert failure={failure} fields={["code"]} />
      {isWaiting ? (
        <Form method="post" className="mt-4 flex flex-col gap-4">
          <Carried challenge={challenge} method="email" />
          <Button type="submit" name="intent" value="send-code" variant="primary" size="md" isPending={isBusy}>
            Send the code
          </Button>
        </Form>
      ) : (
        <Form method="post" className="mt-4 flex flex-col gap-4">
          <Carried challenge={challenge} method={method} />
          <TextField
            label={label}
            name="code"
            autoComplete="one-time-code"
            inputMode={method === "recovery_code" ? "text" : "numeric"}
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            required
            maxLength={64}
            error={fieldError(failure, "code")}
          />
          <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
            {isBusy ? "Checking…" : "Sign in"}
          </Button>
        </Form>
      )}
      <ul className="mt-6 flex flex-col items-center gap-2">
        {methods
          .filter((other) => other !== method || (other === "email" && !isWaiting))
          .map((other) => (
            <li key={other}>
              <Form method="post">
                <Carried challenge={challenge} method={other} />
                <button
                  type="submit"
                  name="intent"
                  value={other === "email" ? "send-code" : "choose"}
                  className="font-medium text-accent hover:underline touch:min-h-11"
                >
                  {other === method ? "Mail another code" : METHODS[other].other}
                </button>
              </Form>
            </li>
          ))}
        <li>
          <Link to={`/login?${params}`} reloadDocument className="text-muted hover:underline">
            Begin again
          </Link>
        </li>
      </ul>
    </>
  );
}

function Carried({ challenge, method }: { challenge: Challenge; method: Method }) {
  return (
    <>
      <input type="hidden" name="mfa_token" value={challenge.token} />
      <input type="hidden" name="methods" value={challenge.methods.join(",")} />
      <input type="hidden" name="method" value={method} />
    </>
  );
}
