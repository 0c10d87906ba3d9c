import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { createGzip } from "node:zlib";
import { createReadableStreamFromReadable } from "@react-router/node";
import { renderToPipeableStream } from "react-dom/server";
import type { EntryContext } from "react-router";
import { isRouteErrorResponse, ServerRouter } from "react-router";
import { PageInfoContext } from "~/lib/page-info";
import { logError } from "~/lib/server/log.server";
import { themeFromCookie } from "~/lib/theme";

const RENDER_TIMEOUT_MS = 10_000;
const GZIP_LEVEL = 5;

function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    // React writes positions into style attributes; they cannot load or run anything.
    "style-src-attr 'unsafe-inline'",
    "connect-src 'self'",
    "font-src 'self'",
    "img-src 'self' data: blob:",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  routerContext: EntryContext,
): Promise<Response> {
  const nonce = randomBytes(16).toString("base64");
  const info = {
    nonce,
    requestId: request.headers.get("x-request-id") ?? "",
    theme: themeFromCookie(request.headers.get("cookie")),
  };
  headers.set("content-type", "text/html; charset=utf-8");
  headers.set("content-security-policy", contentSecurityPolicy(nonce));
  // Pages show what one person may see, and each carries its own nonce.
  headers.set("cache-control", "no-store");
  headers.append("vary", "Cookie, Accept-Encoding");
  const isZipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  if (isZipped) headers.set("content-encoding", "gzip");

  return new Promise((resolve, reject) => {
    let finalStatus = status;
    let hasShell = false;
    const answer = () => {
      hasShell = true;
      const body = isZipped ? createGzip({ level: GZIP_LEVEL }) : new PassThrough();
      body.on("close", () => clearTimeout(timer));
      pipe(body);
      resolve(new Response(createReadableStreamFromReadable(body), { status: finalStatus, headers }));
    };
    const { pipe, abort } = renderToPipeableStream(
      <PageInfoContext value={info}>
        <ServerRouter context={routerContext} url={request.url} nonce={nonce} />
      </PageInfoContext>,
      {
        nonce,
        // Large parts would otherwise follow hidden, for a script to put into their place.
        progressiveChunkSize: Number.POSITIVE_INFINITY,
        // Loaders have fetched everything before: there is nothing to stream later, and pages are whole without scripts.
        onAllReady: answer,
        onShellError: reject,
        onError(error) {
          finalStatus = 500;
          if (hasShell && !request.signal.aborted) logError(error, request);
        },
      },
    );
    const timer = setTimeout(abort, RENDER_TIMEOUT_MS);
  });
}

/** React Router reports here what loaders, actions and rendering threw. */
export function handleError(error: unknown, { request }: { request: Request }): void {
  if (request.signal.aborted) return;
  if (isRouteErrorResponse(error) && error.status < 500) return;
  logError(error, request);
}
