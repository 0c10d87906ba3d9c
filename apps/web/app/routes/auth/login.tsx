import { login, sendMfaCode, verifyMfa } from "@synergy/client";
import { data, Form, Link, redirectDocument, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { FormAlert, type FormFailure, fieldError } from "~/features/identity/form";
import { ProviderLinks } from "~/features/identity/provider-links";
import { type Challenge, readChallenge, SecondFactorForm } from "~/features/identity/second-factor";
import { signInNotice } from "~/features/identity/sign-in-notice";
import { loadSignInOptions } from "~/features/identity/sign-in-options.server";
import { useLinkValues } from "~/features/identity/use-link-values";
import { ApiError, answer } from "~/lib/api";
import { safeNext } from "~/lib/next";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/login";

const FIELDS = ["identifier", "password"];

interface Outcome {
  failure?: FormFailure;
  /** The password was right, and a second factor is still to be given. */
  challenge?: Challenge;
  isCodeSent?: boolean;
}

export const meta: Route.MetaFunction = () => [{ title: "Sign in · SynergyOS" }];

export function loader(args: Route.LoaderArgs) {
  return loadSignInOptions(args);
}

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const { api } = context.get(sessionContext);
  const read = (name: string) => String(form.get(name) ?? "");
  const challenge = readChallenge(form);
  const identifier = read("identifier");
  try {
    if (challenge && read("intent") === "send-code") {
      await sendMfaCode({ client: api, body: { mfa_token: challenge.token } });
      return data<Outcome>({ challenge: { ...challenge, method: "email" }, isCodeSent: true });
    }
    if (challenge && read("intent") === "choose") return data<Outcome>({ challenge });
    if (challenge) {
      const code = read("code").trim();
      await verifyMfa({
        client: api,
        body: { mfa_token: challenge.token, method: challenge.method, code, deliver: "cookie" },
      });
    } else {
      const { mfa_token, methods } = await answer(
        login({ client: api, body: { identifier, password: read("password"), deliver: "cookie" } }),
      );
      const [method] = methods ?? [];
      if (mfa_token && method)
        return data<Outcome>({ challenge: { token: mfa_token, methods: methods ?? [], method } });
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failure: FormFailure = { problem: error.problem, values: { identifier } };
    // A challenge that has run out begins again with the password.
    const isOver = error.problem.code === "mfa_expired";
    return data<Outcome>({ failure, challenge: isOver ? undefined : challenge }, { status: error.status });
  }
  // A new document, so that nothing of another person's session stays in memory.
  return redirectDocument(safeNext(new URL(request.url).searchParams.get("next")));
}

export default function LoginPage({ actionData, loaderData }: Route.ComponentProps) {
  const [params] = useSearchParams();
  const linked = useLinkValues();
  const challenge = actionData ? actionData.challenge : linked && readChallenge(linked);
  if (challenge) {
    return (
      <SecondFactorForm
        key={challenge.method}
        challenge={challenge}
        failure={actionData?.failure}
        isCodeSent={actionData?.isCodeSent ?? false}
      />
    );
  }
  const { options } = loaderData;
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Sign in</h1>
      <PasswordForm failure={actionData?.failure} notice={actionData ? undefined : signInNotice(params)} />
      {options && <ProviderLinks providers={options.oidc_providers} next={params.get("next")} />}
      {options?.registration === "open" && (
        <p className="mt-6 text-center text-muted">
          New here?{" "}
          <Link to={`/register?${params}`} className="font-medium text-accent hover:underline">
            Create an account
          </Link>
        </p>
      )}
    </>
  );
}

function PasswordForm({ failure, notice }: { failure: FormFailure | undefined; notice: string | undefined }) {
  const isBusy = useNavigation().state !== "idle";
  return (
    <Form method="post" className="flex flex-col gap-4">
      {notice && (
        <p role="status" className="rounded-control border border-line bg-sunken px-3 py-2">
          {notice}
        </p>
      )}
      <FormAlert failure={failure} fields={FIELDS} />
      <TextField
        label="Username or email"
        name="identifier"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
        required
        maxLength={254}
        defaultValue={failure?.values.identifier}
        error={fieldError(failure, "identifier")}
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        required
        maxLength={128}
        error={fieldError(failure, "password")}
      />
      <Link to="/forgot-password" className="-mt-2 self-end text-meta text-accent hover:underline">
        Forgotten?
      </Link>
      <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
        {isBusy ? "Signing in…" : "Sign in"}
      </Button>
    </Form>
  );
}
