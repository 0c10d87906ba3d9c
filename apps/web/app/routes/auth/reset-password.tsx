import { resetPassword } from "@synergy/client";
import { data, Form, Link, redirect, useNavigation } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, failureOf, fieldError } from "~/features/identity/form";
import { LinkMissing } from "~/features/identity/link-missing";
import { useLinkValues } from "~/features/identity/use-link-values";
import { routeError } from "~/lib/load";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/reset-password";

const FIELDS = ["password"];

export const meta: Route.MetaFunction = () => [{ title: "New password · SynergyOS" }];

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const body = { token: String(form.get("token") ?? ""), password: String(form.get("password") ?? "") };
  try {
    await resetPassword({ client: context.get(sessionContext).api, body });
  } catch (error) {
    const failure = failureOf(error);
    if (!failure || failure.problem.status >= 500) throw routeError(error, request);
    return data({ failure }, { status: failure.problem.status });
  }
  return redirect("/login?done=password");
}

/** Where the link of the mail leads: sets a new password. All sessions of the account end with it. */
export default function ResetPasswordPage({ actionData }: Route.ComponentProps) {
  const isBusy = useNavigation().state !== "idle";
  const token = useLinkValues()?.get("token");
  const failure = actionData?.failure;
  if (token === null || fieldError(failure, "token")) {
    return (
      <LinkMissing title="This link is no longer good">
        Links are good for a short time, and once.{" "}
        <Link to="/forgot-password" className="font-medium text-accent hover:underline">
          Ask for a new one
        </Link>
      </LinkMissing>
    );
  }
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Set a new password</h1>
      <Form method="post" className="flex flex-col gap-4">
        <FormAlert failure={failure} fields={FIELDS} />
        <input type="hidden" name="token" value={token ?? ""} />
        <TextField
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          autoFocus
          required
          minLength={8}
          maxLength={128}
          hint="At least 8 characters. You are signed out everywhere."
          error={fieldError(failure, "password")}
        />
        <Button type="submit" variant="primary" size="md" isDisabled={!token} isPending={isBusy} className="h-9">
          {isBusy ? "Setting…" : "Set the password"}
        </Button>
      </Form>
    </>
  );
}
