// @vitest-environment node
import http from "node:http";
import { afterEach, expect, test } from "vitest";
import { apiProxy } from "./proxy.mjs";

const servers = [];

/** Start a server on a free port and answer its address. */
async function listen(handler) {
  const server = http.createServer(handler);
  servers.push(server);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function proxied(upstream) {
  const proxy = apiProxy(upstream);
  return { proxy, url: await listen((request, response) => proxy.forward(request, response)) };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

test("passes method, path, headers and body on, and the answer back", async () => {
  const upstream = await listen(async (request, response) => {
    const body = await request.toArray();
    response.writeHead(201, { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
    response.end(
      JSON.stringify({ method: request.method, url: request.url, origin: request.headers.origin, body: body.join("") }),
    );
  });
  const { url } = await proxied(upstream);
  const response = await fetch(`${url}/api/v1/things?q=1`, {
    method: "POST",
    body: "hello",
    headers: { origin: "https://site.example" },
  });
  expect(response.status).toBe(201);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(await response.json()).toEqual({
    method: "POST",
    url: "/api/v1/things?q=1",
    origin: "https://site.example",
    body: "hello",
  });
});

test("hands each event of a stream on at once", async () => {
  let send;
  const upstream = await listen((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    send = (text) => response.write(text);
  });
  const { url, proxy } = await proxied(upstream);
  const reader = (await fetch(`${url}/api/v1/events`)).body.getReader();
  for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
    send(text);
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe(text);
  }
  proxy.close();
  expect((await reader.read()).done).toBe(true);
});

test("answers 503 as a problem with Retry-After when the API is away", async () => {
  const gone = await listen(() => {});
  const closed = servers.pop();
  await new Promise((resolve) => closed.close(resolve));
  const { url } = await proxied(gone);
  const response = await fetch(`${url}/api/v1/me?secret=1`);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ code: "service_unavailable", instance: "/api/v1/me", status: 503 });
});

test("asks again when a kept connection was closed at the moment of use", async () => {
  let answered = 0;
  const upstream = await listen((request, response) => {
    answered += 1;
    if (answered === 2) request.socket.resetAndDestroy();
    else response.end(String(answered));
  });
  const { url } = await proxied(upstream);
  expect(await (await fetch(url)).text()).toBe("1");
  expect(await (await fetch(url)).text()).toBe("3");
});

test("ends the API's work when the client goes away", async () => {
  let closed;
  const isClosed = new Promise((resolve) => {
    closed = resolve;
  });
  let reached;
  const isReached = new Promise((resolve) => {
    reached = resolve;
  });
  const upstream = await listen((request) => {
    request.on("close", closed);
    reached();
  });
  const { url } = await proxied(upstream);
  const abort = new AbortController();
  const call = fetch(url, { signal: abort.signal }).catch(() => "aborted");
  await isReached;
  abort.abort();
  expect(await call).toBe("aborted");
  await isClosed;
});
