// Passes /api on to the API: streaming in both directions, so that uploads and event streams are never held in memory.
import http from "node:http";
import https from "node:https";
import { sendProblem, withSecurityHeaders } from "./headers.mjs";
import { errorFields, log, loggedPath } from "./log.mjs";

// These belong to one connection and must not travel (RFC 9110, 7.6.1).
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Copy headers, without those of the connection and those that `connection` names. */
function endToEnd(headers) {
  const named = new Set(
    String(headers.connection ?? "")
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.has(name)));
}

/**
 * @param {string} apiUrl where the API listens, e.g. http://127.0.0.1:8001
 */
export function apiProxy(apiUrl) {
  const target = new URL(apiUrl);
  const transport = target.protocol === "https:" ? https : http;
  const agent = new transport.Agent({ keepAlive: true, keepAliveMsecs: 5_000, maxFreeSockets: 64 });
  const streams = new Set();
  let closing = false;

  function forward(request, response) {
    const isRetryable = request.method === "GET" || request.method === "HEAD";
    let done = false;

    const attempt = (mayRetry) => {
      const upstream = transport.request(
        {
          agent,
          host: target.hostname,
          port: target.port || undefined,
          method: request.method,
          path: request.url,
          headers: endToEnd(request.headers),
        },
        (answer) => {
          const headers = withSecurityHeaders(endToEnd(answer.headers));
          response.writeHead(answer.statusCode, headers);
          if (String(answer.headers["content-type"]).startsWith("text/event-stream")) {
            response.flushHeaders();
            const entry = { response, upstream };
            streams.add(entry);
            response.on("close", () => streams.delete(entry));
            if (closing) endStream(entry);
          }
          answer.on("error", () => response.destroy());
          answer.on("aborted", () => response.destroy());
          answer.pipe(response);
        },
      );
      upstream.on("error", (error) => {
        if (done || response.destroyed) return;
        // A kept connection may have been closed by the API at the moment of use; that is no failure of the request.
        if (mayRetry && upstream.reusedSocket && error.code === "ECONNRESET" && !response.headersSent) {
          attempt(false);
          return;
        }
        done = true;
        log("warning", "api.unreachable", {
          "request.id": request.headers["x-request-id"],
          "url.path": loggedPath(request.url),
          ...errorFields(error),
        });
        if (response.headersSent) {
          response.destroy();
          return;
        }
        request.resume();
        sendProblem(request, response, {
          status: 503,
          code: "service_unavailable",
          title: "Service unavailable",
          detail: "The API does not answer at the moment. Try again in a few seconds.",
          headers: { "retry-after": "2" },
        });
      });
      response.on("close", () => {
        done = true;
        if (!response.writableFinished) upstream.destroy();
      });
      if (isRetryable) upstream.end();
      else request.pipe(upstream);
    };
    attempt(isRetryable);
  }

  function endStream({ response, upstream }) {
    upstream.destroy();
    response.end();
  }

  return {
    forward,
    /** End the event streams, which would keep the server from stopping; browsers connect again by themselves. */
    close() {
      closing = true;
      for (const entry of streams) endStream(entry);
    },
  };
}
