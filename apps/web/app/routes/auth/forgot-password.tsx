import { forgotPassword } from "@synergy/client";
import { data, Form, Link, useNavigation } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";
import { ApiError } from "~/lib/api";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/forgot-password";

const FIELDS = ["email"];

export const meta: Route.MetaFunction = () => [{ title: "Forgotten password · SynergyOS" }];

export async function action({ request, context }: Route.ActionArgs) {
  const email = String((await request.formData()).get("email") ?? "").trim();
  try {
    await forgotPassword({ client: context.get(sessionContext).api, body: { email } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failure: FormFailure = { problem: error.problem, values: { email } };
    return data({ failure, sentTo: undefined }, { status: error.status });
  }
  return data({ failure: undefined, sentTo: email });
}

/** Asks for a link that sets a new password; says the same whether there is such an account or not. */
export default function ForgotPasswordPage({ actionData }: Route.ComponentProps) {
  const isBusy = useNavigation().state !== "idle";
  if (actionData?.sentTo) {
    return (
      <>
        <h1 className="mb-2 text-page font-semibold">Look into your mails</h1>
        <p role="status" className="text-body text-muted">
          If there is an account with the address {actionData.sentTo}, a link that sets a new password is on its way. It
          is good for one hour.
        </p>
        <BackToSignIn />
      </>
    );
  }
  return (
    <>
      <h1 className="mb-2 text-page font-semibold">Forgotten password</h1>
      <p className="mb-4 text-muted">We mail you a link with which you set a new one.</p>
      <Form method="post" className="flex flex-col gap-4">
        <FormAlert failure={actionData?.failure} fields={FIELDS} />
        <TextField
          label="Email"
          name="email"
          type="email"
          autoComplete="email"
          autoFocus
          required
          maxLength={254}
          defaultValue={actionData?.failure?.values.email}
          error={fieldError(actionData?.failure, "email")}
        />
        <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
          {isBusy ? "Sending…" : "Send the link"}
        </Button>
      </Form>
      <BackToSignIn />
    </>
  );
}

function BackToSignIn() {
  return (
    <p className="mt-6 text-center text-muted">
      <Link to="/login" className="font-medium text-accent hover:underline">
        Back to sign-in
      </Link>
    </p>
  );
}
