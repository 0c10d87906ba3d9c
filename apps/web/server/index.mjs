// The web server: built files, /healthz, /api passed on to the API, and every other address rendered by React Router.
import { randomUUID } from "node:crypto";
import http from "node:http";
import { addressMatcher } from "./addresses.mjs";
import { sendProblem, setSecurityHeaders } from "./headers.mjs";
import { captureConsole, errorFields, log, loggedPath } from "./log.mjs";
import { apiProxy } from "./proxy.mjs";
import { staticFiles } from "./static.mjs";
import "./version.mjs";

const port = Number(process.env.PORT ?? 3000);
const host = process.env.HOST ?? "127.0.0.1";
const apiUrl = process.env.SYNERGY_API_URL ?? "http://127.0.0.1:8001";
// Proxies in front of this server, whose X-Forwarded-For and -Proto are believed; nobody else's are.
const isTrustedProxy = addressMatcher(process.env.SYNERGY_TRUSTED_PROXIES ?? "");
const SHUTDOWN_MS = 8_000;
// Longer than the proxy keeps an idle connection: none is left that it could just use when it is closed here.
const DRAIN_MS = Number(process.env.SYNERGY_WEB_DRAIN_MS ?? 0);

captureConsole();
process.on("uncaughtException", (error) => {
  log("error", "web.crashed", errorFields(error));
  process.exit(1);
});

// The loaders call the API at the same address.
process.env.SYNERGY_API_URL = apiUrl;
// React decides by it at its first import, and its development build takes three times as long.
process.env.NODE_ENV ??= "production";
const { createRequestListener } = await import("@react-router/node");
const build = await import("../build/server/index.js");
const serveFile = staticFiles(new URL("../build/client", import.meta.url).pathname);
const api = apiProxy(apiUrl);
const render = createRequestListener({ build, mode: "production" });
let draining = false;

/** Give the request its id and the client's address; what a client says of itself is not believed. */
function identify(request) {
  const { headers, socket } = request;
  const given = headers["x-request-id"];
  headers["x-request-id"] = /^[\w.-]{8,128}$/.test(given ?? "") ? given : randomUUID();
  const peer = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const isTrusted = isTrustedProxy(peer);
  if (!isTrusted || !headers["x-forwarded-for"]) headers["x-forwarded-for"] = peer;
  if (!isTrusted || !headers["x-forwarded-proto"]) headers["x-forwarded-proto"] = "http";
  delete headers.forwarded;
  delete headers["x-forwarded-host"];
}

function logRequest(request, response) {
  const path = loggedPath(request.url);
  const started = process.hrtime.bigint();
  response.on("close", () => {
    const status = response.headersSent ? response.statusCode : 499;
    log(status >= 500 ? "error" : "info", "http.request", {
      "request.id": request.headers["x-request-id"],
      "http.request.method": request.method,
      "url.path": path,
      "http.response.status_code": status,
      "event.duration": Number(process.hrtime.bigint() - started),
      "client.ip": request.headers["x-forwarded-for"],
      "user_agent.original": request.headers["user-agent"],
    });
  });
}

const server = http.createServer((request, response) => {
  const path = request.url.split("?", 1)[0];
  identify(request);
  setSecurityHeaders(response);
  // `*`, and whole addresses, which are for proxies
  if (!path.startsWith("/")) {
    response.writeHead(400, { "content-type": "text/plain" }).end("The address must begin with a slash.\n");
    return;
  }
  // a proxy then asks the next one elsewhere
  if (draining) response.setHeader("connection", "close");
  if (path === "/healthz") {
    const body = JSON.stringify({ status: draining ? "draining" : "ok" });
    response.writeHead(draining ? 503 : 200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : body);
    return;
  }
  logRequest(request, response);
  if (path === "/api" || path.startsWith("/api/")) {
    api.forward(request, response);
    return;
  }
  response.setHeader("x-request-id", request.headers["x-request-id"]);
  if (serveFile(request, response, path)) return;
  if (path.startsWith("/static/")) {
    sendProblem(request, response, {
      status: 404,
      code: "not_found",
      title: "Not found",
      detail: "This file belongs to another version of the web app. Reload the page.",
    });
    return;
  }
  // pages and their data are for one person; whoever opens the browser next finds none
  response.setHeader("cache-control", "no-store");
  render(request, response);
});
server.keepAliveTimeout = 75_000;
// Uploads of many megabytes over slow lines take longer than Node's five minutes.
server.requestTimeout = 30 * 60_000;

server.on("error", (error) => {
  log("error", "web.not_started", errorFields(error));
  process.exit(1);
});
server.listen(port, host, () => {
  log("info", "web.started", { "server.address": host, "server.port": port });
});

function stop(signal) {
  if (draining) return;
  draining = true;
  log("info", "web.stopping", { "synergy.signal": signal });
  setTimeout(() => {
    api.close();
    server.close(() => {
      log("info", "web.stopped");
      process.exit(0);
    });
    server.closeIdleConnections();
  }, DRAIN_MS);
  setTimeout(() => {
    log("warning", "web.connections_cut");
    server.closeAllConnections();
  }, SHUTDOWN_MS).unref();
}
process.on("SIGTERM", () => stop("SIGTERM"));
process.on("SIGINT", () => stop("SIGINT"));
