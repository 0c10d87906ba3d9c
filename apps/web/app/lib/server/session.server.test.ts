// @vitest-environment node
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { fetchPatiently } from "./session.server";

const servers: { close(): unknown }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that closes the first `broken` connections after it has read from them, and then answers 200. */
async function breaking(broken: number): Promise<{ url: string; received: () => number }> {
  let received = 0;
  const inner: Server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end("ok"));
  });
  const outer = createSocketServer((socket) => {
    received += 1;
    if (received <= broken) socket.once("data", () => socket.destroy());
    else inner.emit("connection", socket);
  });
  servers.push(inner, outer);
  await new Promise<void>((resolve) => outer.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(outer.address() as AddressInfo).port}/`, received: () => received };
}

describe("fetchPatiently", () => {
  it("asks again what only reads", async () => {
    const { url, received } = await breaking(2);
    const response = await fetchPatiently(new Request(url), {});
    expect(response.status).toBe(200);
    expect(received()).toBe(3);
  });

  it("does not repeat a change that somebody may have received", async () => {
    const { url, received } = await breaking(1);
    await expect(fetchPatiently(new Request(url, { method: "POST", body: "{}" }), {})).rejects.toThrow();
    expect(received()).toBe(1);
  });

  it("repeats a change that nobody has received", async () => {
    const { url, received } = await breaking(0);
    const port = Number(new URL(url).port);
    // nobody listens at first
    const late = createServer((request, response) => {
      request.resume();
      request.on("end", () => response.end("late"));
    });
    servers.push(late);
    for (const server of servers.splice(0, 2)) server.close();
    setTimeout(() => late.listen(port, "127.0.0.1"), 200);
    const response = await fetchPatiently(new Request(url, { method: "POST", body: "{}" }), {});
    expect(await response.text()).toBe("late");
    expect(received()).toBe(0);
  });

  it("gives up after the third try", async () => {
    const { url, received } = await breaking(9);
    await expect(fetchPatiently(new Request(url), {})).rejects.toThrow();
    expect(received()).toBe(3);
  });
});
