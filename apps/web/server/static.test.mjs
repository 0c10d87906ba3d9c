// @vitest-environment node
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { staticFiles } from "./static.mjs";

let folder;
let server;
let url;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "static-"));
  mkdirSync(join(folder, "static"));
  writeFileSync(join(folder, "static", "a.js"), "export {};");
  const serve = staticFiles(folder);
  server = http.createServer((request, response) => {
    if (!serve(request, response, request.url)) response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

test("serves a file with its type, for a year, and says when it is the same", async () => {
  const response = await fetch(`${url}/static/a.js`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(response.headers.get("cache-control")).toContain("immutable");
  expect(await response.text()).toBe("export {};");
  const again = await fetch(`${url}/static/a.js`, { headers: { "if-none-match": response.headers.get("etag") } });
  expect(again.status).toBe(304);
});

test("says that a file cannot be read, and has nobody keep that answer", async () => {
  rmSync(join(folder, "static", "a.js"));
  const response = await fetch(`${url}/static/a.js`);
  expect(response.status).toBe(500);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("etag")).toBeNull();
  expect((await response.json()).code).toBe("file_unreadable");
});
