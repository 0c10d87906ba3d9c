import { login, register } from "@synergy/client";
import { data, Form, Link, redirectDocument, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";
import { PersonFields } from "~/features/identity/person-fields";
import { ProviderLinks } from "~/features/identity/provider-links";
import { loadSignInOptions } from "~/features/identity/sign-in-options.server";
import { ApiError } from "~/lib/api";
import { safeNext } from "~/lib/next";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/register";

const FIELDS = ["first_name", "last_name", "username", "email", "password"];

export const meta: Route.MetaFunction = () => [{ title: "Create an account · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadSignInOptions(args);
}

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

const CLOSED = {
  invite: "Here one gets an account by invitation. Ask somebody who works here to invite you into a project.",
  closed: "This instance takes no registrations. Ask its administrator for an account.",
};

export default function RegisterPage({ actionData, loaderData }: Route.ComponentProps) {
  const [params] = useSearchParams();
  const isBusy = useNavigation().state !== "idle";
  const mode = loaderData.options?.registration ?? "open";
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Create an account</h1>
      {mode !== "open" ? (
        <p className="text-body text-muted">{CLOSED[mode]}</p>
      ) : (
        <>
          <Form method="post" className="flex flex-col gap-4">
            <FormAlert failure={actionData} fields={FIELDS} />
            <PersonFields failure={actionData} values={actionData?.values}>
              <TextField
                label="Email"
                type="email"
                autoComplete="email"
                maxLength={254}
                name="email"
                required
                defaultValue={actionData?.values.email}
                error={fieldError(actionData, "email")}
              />
            </PersonFields>
            <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
              {isBusy ? "Creating…" : "Create account"}
            </Button>
          </Form>
          <ProviderLinks providers={loaderData.options?.oidc_providers ?? []} next={params.get("next")} />
        </>
      )}
      <p className="mt-6 text-center text-muted">
        Have an account?{" "}
        <Link to={`/login?${params}`} className="font-medium text-accent hover:underline">
          Sign in
        </Link>
      </p>
    </>
  );
}
