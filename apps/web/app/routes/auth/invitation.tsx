import { acceptInvitation, getInvitation, login } from "@synergy/client";
import { useEffect } from "react";
import { data, Form, Link, redirectDocument, useFetcher, useNavigation } from "react-router";
import { Button } from "~/components/ui/button";
import { FormAlert, type FormFailure } from "~/features/identity/form";
import { LinkMissing } from "~/features/identity/link-missing";
import { PersonFields } from "~/features/identity/person-fields";
import { useInvitationToken } from "~/features/identity/use-invitation-token";
import { ROLE_NAMES } from "~/features/projects/roles";
import { ApiError, answer } from "~/lib/api";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/invitation";

const NAMES = ["first_name", "last_name", "username"] as const;
const FIELDS = [...NAMES, "password"].map((name) => `registration/${name}`);

export const meta: Route.MetaFunction = () => [{ title: "Invitation · SynergyOS" }];

export function loader({ context }: Route.LoaderArgs) {
  return { isSignedIn: context.get(sessionContext).hasAccess };
}

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const read = (name: string) => String(form.get(name) ?? "");
  const { api } = context.get(sessionContext);
  const token = read("token");
  const values = Object.fromEntries(NAMES.map((name) => [name, read(name).trim()]));
  try {
    if (read("intent") === "look") {
      const invitation = await answer(getInvitation({ client: api, path: { token } }));
      return data({ invitation, failure: undefined });
    }
    if (read("intent") === "join") {
      const joined = await answer(acceptInvitation({ client: api, path: { token }, body: {} }));
      return redirectDocument(`/projects/${joined.project_id}`);
    }
    const registration = {
      first_name: values.first_name ?? "",
      last_name: values.last_name ?? "",
      username: (values.username ?? "").toLowerCase(),
      password: read("password"),
    };
    const joined = await answer(acceptInvitation({ client: api, path: { token }, body: { registration } }));
    const { username: identifier, password } = registration;
    await login({ client: api, body: { identifier, password, deliver: "cookie" } });
    return redirectDocument(`/projects/${joined.project_id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failure: FormFailure = { problem: error.problem, values };
    return data({ invitation: undefined, failure }, { status: error.status });
  }
}

/** Where the link of an invitation leads: join with the account that one has, or make one. */
export default function InvitationPage({ loaderData, actionData }: Route.ComponentProps) {
  const token = useInvitationToken();
  const look = useFetcher<typeof action>();
  const { submit } = look;
  useEffect(() => {
    if (token) submit({ intent: "look", token }, { method: "post" });
  }, [token, submit]);

  const missing = look.data?.failure?.problem;
  if (token === null || missing) {
    return (
      <LinkMissing title="This invitation is no longer good">
        {missing && missing.status !== 404
          ? missing.detail
          : "It was used, withdrawn, or has run out after seven days. Ask whoever invited you for a new one."}
      </LinkMissing>
    );
  }
  const invitation = look.data?.invitation;
  if (!token || !invitation) {
    return (
      <p role="status" className="animate-late text-center text-muted">
        Looking at your invitation…
      </p>
    );
  }
  return (
    <>
      <h1 className="mb-2 text-page font-semibold wrap-anywhere">Join {invitation.project_name}</h1>
      <p className="mb-4 text-muted">
        {invitation.inviter} invites you ({invitation.email}) as {ROLE_NAMES[invitation.role].toLowerCase()}.
      </p>
      {loaderData.isSignedIn ? (
        <JoinForm token={token} failure={actionData?.failure} />
      ) : invitation.account_exists ? (
        <SignInFirst />
      ) : (
        <RegisterForm token={token} failure={actionData?.failure} />
      )}
    </>
  );
}

interface FormProps {
  token: string;
  failure: FormFailure | undefined;
}

function JoinForm({ token, failure }: FormProps) {
  const isBusy = useNavigation().state !== "idle";
  return (
    <Form method="post" className="flex flex-col gap-4">
      <FormAlert failure={failure} fields={[]} />
      <input type="hidden" name="token" value={token} />
      <Button type="submit" name="intent" value="join" variant="primary" size="md" isPending={isBusy} className="h-9">
        {isBusy ? "Joining…" : "Join the project"}
      </Button>
    </Form>
  );
}

function SignInFirst() {
  return (
    <p className="text-body">
      You have an account here.{" "}
      <Link to="/login?next=/invitations" className="font-medium text-accent hover:underline">
        Sign in to join
      </Link>
    </p>
  );
}

function RegisterForm({ token, failure }: FormProps) {
  const isBusy = useNavigation().state !== "idle";
  return (
    <Form method="post" className="flex flex-col gap-4">
      <FormAlert failure={failure} fields={FIELDS} />
      <input type="hidden" name="token" value={token} />
      <PersonFields failure={failure} values={failure?.values} prefix="registration/" />
      <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
        {isBusy ? "Creating…" : "Create account and join"}
      </Button>
    </Form>
  );
}
