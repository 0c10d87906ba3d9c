import { login } from "@synergy/client";
import { data, Form, Link, redirect, redirectDocument, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";
import { ApiError } from "~/lib/api";
import { safeNext } from "~/lib/next";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/login";

const FIELDS = ["identifier", "password"];

export const meta: Route.MetaFunction = () => [{ title: "Sign in · SynergyOS" }];

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const identifier = String(form.get("identifier") ?? "");
  try {
    await login({
      client: context.get(sessionContext).api,
      body: { identifier, password: String(form.get("password") ?? ""), deliver: "cookie" },
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failure: FormFailure = { problem: error.problem, values: { identifier } };
    return data(failure, { status: error.status });
  }
  // A new document, so that nothing of another person's session stays in memory.
  return redirectDocument(safeNext(new URL(request.url).searchParams.get("next")));
}

export function loader({ request, context }: Route.LoaderArgs) {
  const next = new URL(request.url).searchParams.get("next");
  // With `next` the session was just found to be no longer valid.
  return context.get(sessionContext).hasAccess && !next ? redirect("/projects") : null;
}

export default function LoginPage({ actionData }: Route.ComponentProps) {
  const [params] = useSearchParams();
  const isBusy = useNavigation().state !== "idle";
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Sign in</h1>
      <Form method="post" className="flex flex-col gap-4" noValidate={false}>
        <FormAlert failure={actionData} fields={FIELDS} />
        <TextField
          label="Username or email"
          name="identifier"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          maxLength={254}
          defaultValue={actionData?.values.identifier}
          error={fieldError(actionData, "identifier")}
        />
        <TextField
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          maxLength={128}
          error={fieldError(actionData, "password")}
        />
        <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
          {isBusy ? "Signing in…" : "Sign in"}
        </Button>
      </Form>
      <p className="mt-6 text-center text-muted">
        New here?{" "}
        <Link to={`/register?${params}`} className="font-medium text-accent hover:underline">
          Create an account
        </Link>
      </p>
    </>
  );
}
