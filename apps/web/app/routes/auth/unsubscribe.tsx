import { getUnsubscribe, type Problem, type UnsubscribeView, unsubscribe } from "@synergy/client";
import { data, Form, Link, useNavigation } from "react-router";
import { Button } from "~/components/ui/button";
import { ApiError, answer } from "~/lib/api";
import { routeError } from "~/lib/load";
import { sessionContext } from "~/lib/server/session.server";
import type { Route } from "./+types/unsubscribe";

interface Answer {
  mails?: UnsubscribeView;
  problem?: Problem;
}

/** A link that is not whole is told on the page: who comes from a mail has nothing else to go by. */
async function answered(call: Promise<UnsubscribeView>, request: Request) {
  try {
    return data<Answer>({ mails: await call });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw routeError(error, request);
    return data<Answer>({ problem: error.problem }, { status: error.status });
  }
}

export const meta: Route.MetaFunction = () => [
  { title: "Unsubscribe · SynergyOS" },
  { name: "robots", content: "noindex" },
];

/** Only says what the link would do: mail programs open links by themselves. */
export function loader({ params: { token }, context, request }: Route.LoaderArgs) {
  return answered(answer(getUnsubscribe({ client: context.get(sessionContext).api, path: { token } })), request);
}

export function action({ params: { token }, context, request }: Route.ActionArgs) {
  return answered(answer(unsubscribe({ client: context.get(sessionContext).api, path: { token } })), request);
}

export default function UnsubscribePage({ loaderData, actionData }: Route.ComponentProps) {
  const isBusy = useNavigation().state !== "idle";
  const { mails, problem } = actionData ?? loaderData;
  if (!mails) {
    return (
      <>
        <h1 className="mb-2 text-page font-semibold">This link does not work</h1>
        <p role="alert" className="text-body text-muted">
          {problem?.detail}
        </p>
        <Choose />
      </>
    );
  }
  if (!mails.subscribed) {
    return (
      <>
        <h1 className="mb-2 text-page font-semibold">You get no more of these mails</h1>
        <p role="status" className="text-body text-muted">
          Switched off: <strong className="font-medium text-text">{mails.label}</strong>. In the app you are still told.
        </p>
        <Choose />
      </>
    );
  }
  return (
    <>
      <h1 className="mb-2 text-page font-semibold">No more of these mails?</h1>
      <p className="mb-4 text-body text-muted">
        This switches off: <strong className="font-medium text-text">{mails.label}</strong>. In the app you are still
        told.
      </p>
      <Form method="post">
        <Button type="submit" variant="primary" size="md" isPending={isBusy} className="h-9 w-full">
          {isBusy ? "Switching off…" : "Switch these mails off"}
        </Button>
      </Form>
      <Choose />
    </>
  );
}

function Choose() {
  return (
    <p className="mt-6 text-muted">
      <Link to="/settings/notifications" className="font-medium text-accent hover:underline">
        Choose what you are told
      </Link>
    </p>
  );
}
