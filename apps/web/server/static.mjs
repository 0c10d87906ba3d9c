// The built files of the browser. All names are known at the start, so no path of a request ever reaches the disk.
import { createReadStream, readdirSync, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { sendProblem } from "./headers.mjs";
import { errorFields, log } from "./log.mjs";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};
const encodings = [
  ["br", ".br"],
  ["gzip", ".gz"],
];

/**
 * Index a folder of built files.
 * @param {string} root
 * @returns {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, path: string) => boolean}
 *   answers and returns true when the path is one of the files
 */
export function staticFiles(root) {
  const files = new Map();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = statSync(file);
    files.set(`/${relative(root, file).split(sep).join("/")}`, {
      file,
      size,
      etag: `"${size}-${Math.trunc(mtimeMs)}"`,
    });
  }

  return (request, response, path) => {
    const plain = files.get(path);
    if (!plain || path.endsWith(".br") || path.endsWith(".gz")) return false;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return true;
    }
    const accepted = request.headers["accept-encoding"] ?? "";
    const [encoding, suffix] = encodings.find(([name, end]) => accepted.includes(name) && files.has(path + end)) ?? [
      undefined,
      "",
    ];
    const chosen = files.get(path + suffix);

    response.setHeader("vary", "Accept-Encoding");
    response.setHeader("etag", chosen.etag);
    response.setHeader(
      "cache-control",
      path.startsWith("/static/") ? "public, max-age=31536000, immutable" : "public, max-age=3600",
    );
    if (request.headers["if-none-match"] === chosen.etag) {
      response.writeHead(304).end();
      return true;
    }
    const headers = {
      "content-type": types[extname(path)] ?? "application/octet-stream",
      "content-length": chosen.size,
      ...(encoding && { "content-encoding": encoding }),
    };
    if (request.method === "HEAD") {
      response.writeHead(200, headers).end();
      return true;
    }
    const content = createReadStream(chosen.file);
    content
      .on("open", () => content.pipe(response.writeHead(200, headers)))
      .on("error", (error) => {
        log("error", "web.file_missing", { "url.path": path, ...errorFields(error) });
        if (response.headersSent) response.destroy();
        else unreadable(request, response);
      });
    return true;
  };
}

/** It was there at the start: the build is damaged, or another one is being put in its place. */
function unreadable(request, response) {
  for (const name of ["etag", "vary", "cache-control"]) response.removeHeader(name);
  sendProblem(request, response, {
    status: 500,
    code: "file_unreadable",
    title: "A file is missing",
    detail:
      "A file of the web app cannot be read. Reload the page; if that does not help, have the web app built anew.",
  });
}
