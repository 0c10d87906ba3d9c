import { errorFields, log, loggedPath } from "../../../server/log.mjs";

/** Log an error of one request; its stack never leaves the server. */
export function logError(error: unknown, request: Request): void {
  log("error", "web.error", {
    "request.id": request.headers.get("x-request-id"),
    "http.request.method": request.method,
    "url.path": loggedPath(new URL(request.url).pathname),
    ...errorFields(error),
  });
}
