import { isRouteErrorResponse } from "react-router";
import { LinkButton } from "~/components/ui/button";
import { usePageInfo } from "~/lib/page-info";

interface Words {
  status: number;
  title: string;
  detail: string;
}

function wordsFor(error: unknown): Words {
  if (!isRouteErrorResponse(error)) {
    return {
      status: 500,
      title: "Something went wrong",
      detail: "The page could not be shown. Reload it; if that does not help, tell your administrator the id below.",
    };
  }
  if (error.status === 404) {
    return {
      status: 404,
      title: "Nothing here",
      detail: "This page does not exist, or it is not shared with you.",
    };
  }
  const problem = error.data as { title?: string; detail?: string } | undefined;
  if (error.status === 503 || error.status === 502) {
    return {
      status: error.status,
      title: "SynergyOS is not available",
      detail: "The service does not answer at the moment. Wait a few seconds, then reload.",
    };
  }
  return {
    status: error.status,
    title: problem?.title ?? (error.statusText || "Something went wrong"),
    detail: problem?.detail ?? "The page could not be shown.",
  };
}

export function ErrorPage({ error }: { error: unknown }) {
  const { requestId } = usePageInfo();
  const { status, title, detail } = wordsFor(error);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-1 p-6 text-center">
      <title>{`${title} · SynergyOS`}</title>
      <p className="text-meta font-medium text-subtle">{status}</p>
      <h1 className="text-page font-semibold">{title}</h1>
      <p className="max-w-96 text-body text-muted">{detail}</p>
      <div className="mt-4 flex gap-2">
        <LinkButton to="." reloadDocument size="md">
          Reload
        </LinkButton>
        <LinkButton to="/" reloadDocument variant="primary" size="md">
          Go to your projects
        </LinkButton>
      </div>
      {requestId && status !== 404 && (
        <p className="mt-6 text-meta text-subtle">
          Request <code className="font-mono select-all">{requestId}</code>
        </p>
      )}
    </main>
  );
}
