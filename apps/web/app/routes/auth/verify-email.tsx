import { verifyEmail } from "@synergy/client";
import { data, Form, Link, useNavigation, useSearchParams } from "react-router";
import { Button } from "~/components/ui/button";
import { FormAlert, failureOf } from "~/features/identity/form";
import { useLinkValues } from "~/features/identity/use-link-values";
import { routeError } from "~/lib/load";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/verify-email";

export const meta: Route.MetaFunction = () => [
  { title: "Confirm your email address · SynergyOS" },
  // Links of mails that were sent before 0.4 hold the token in the query.
  { name: "referrer", content: "no-referrer" },
];

export async function action({ request, context }: Route.ActionArgs) {
  const token = String((await request.formData()).get("token") ?? "");
  try {
    await verifyEmail({ client: context.get(sessionContext).api, body: { token } });
  } catch (error) {
    const failure = failureOf(error);
    if (!failure || failure.problem.status >= 500) throw routeError(error, request);
    return data({ failure }, { status: failure.problem.status });
  }
  return data({ failure: undefined });
}

/** Where the link of the mail leads. A button, since mail programs open links by themselves. */
export default function VerifyEmailPage({ actionData }: Route.ComponentProps) {
  const isBusy = useNavigation().state !== "idle";
  const [params] = useSearchParams();
  const token = useLinkValues()?.get("token") ?? params.get("token");
  if (actionData && !actionData.failure) {
    return (
      <>
        <h1 className="mb-2 text-page font-semibold">Your email address is confirmed</h1>
        <p role="status" className="text-body text-muted">
          From now on you get mails about what happens.
        </p>
        <p className="mt-6 flex gap-4">
          <Link to="/" className="font-medium text-accent hover:underline">
            Go to your projects
          </Link>
          <Link to="/settings/notifications" className="font-medium text-accent hover:underline">
            Choose what you are told
          </Link>
        </p>
      </>
    );
  }
  return (
    <>
      <h1 className="mb-4 text-page font-semibold">Confirm your email address</h1>
      <Form method="post" className="flex flex-col gap-4">
        <FormAlert failure={actionData?.failure} fields={[]} />
        <input type="hidden" name="token" value={token ?? ""} />
        <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9">
          {isBusy ? "Confirming…" : "Confirm"}
        </Button>
      </Form>
    </>
  );
}
