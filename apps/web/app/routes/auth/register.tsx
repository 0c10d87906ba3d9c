import { login, register } from "@synergy/client";
import { data, Form, Link, redirectDocument, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";
import { ApiError } from "~/lib/api";
import { safeNext } from "~/lib/next";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/register";

const FIELDS = ["first_name", "last_name", "username", "email", "password"];

export const meta: Route.MetaFunction = () => [{ title: "Create an account · SynergyOS" }];

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const read = (name: string) => String(form.get(name) ?? "");
  const values = {
    first_name: read("first_name").trim(),
    last_name: read("last_name").trim(),
    username: read("username").trim().toLowerCase(),
    email: read("email").trim(),
  };
  const password = read("password");
  const { api } = context.get(sessionContext);
  try {
    await register({ client: api, body: { ...values, password } });
    await login({ client: api, body: { identifier: values.username, password, deliver: "cookie" } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failure: FormFailure = { problem: error.problem, values };
    return data(failure, { status: error.status });
  }
  return redirectDocument(safeNext(new URL(request.url).searchParams.get("next")));
}

export default function RegisterPage({ actionData }: Route.ComponentProps) {
  const [params] = useSearchParams();
  const isBusy = useNavigation().state !== "idle";
  const field = (name: string) => ({
    name,
    required: true,
    defaultValue: actionData?.values[name],
    error: fieldError(actionData, name),
  });
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Create an account</h1>
      <Form method="post" className="flex flex-col gap-4">
        <FormAlert failure={actionData} fields={FIELDS} />
        <div className="grid grid-cols-2 gap-3">
          <TextField label="First name" autoComplete="given-name" autoFocus maxLength={50} {...field("first_name")} />
          <TextField label="Last name" autoComplete="family-name" maxLength={50} {...field("last_name")} />
        </div>
        <TextField
          label="Username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          minLength={3}
          maxLength={30}
          hint="Letters, digits, - and _. Others mention you by it."
          {...field("username")}
        />
        <TextField label="Email" type="email" autoComplete="email" maxLength={254} {...field("email")} />
        <TextField
          label="Password"
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          hint="At least 8 characters."
          {...field("password")}
        />
        <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
          {isBusy ? "Creating…" : "Create account"}
        </Button>
      </Form>
      <p className="mt-6 text-center text-muted">
        Have an account?{" "}
        <Link to={`/login?${params}`} className="font-medium text-accent hover:underline">
          Sign in
        </Link>
      </p>
    </>
  );
}
