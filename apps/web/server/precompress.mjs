// After a build: write .br and .gz beside each text file, and print what a first visit loads.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = new URL("../build/client/", import.meta.url).pathname;
const BUDGET_KB = 180;

const compressed = new Map();
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|css|svg|json|webmanifest|txt)$/.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name);
  const content = readFileSync(file);
  if (content.length < 1024) continue;
  const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  writeFileSync(`${file}.br`, brotli);
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  compressed.set(entry.name, brotli.length);
}

// The scripts of a page: the entry, the routes from the root down to it, and all that they import.
const manifestFile = readdirSync(join(root, "static")).find((name) => /^manifest-.*\.js$/.test(name));
const source = readFileSync(join(root, "static", manifestFile), "utf8");
const manifest = JSON.parse(source.slice(source.indexOf("{"), source.lastIndexOf("}") + 1));

function firstLoad(routeId) {
  const scripts = new Set([manifest.entry.module, ...manifest.entry.imports]);
  for (let id = routeId; id; id = manifest.routes[id].parentId) {
    const route = manifest.routes[id];
    for (const script of [route.module, ...(route.imports ?? []), route.clientLoaderModule]) {
      if (script) scripts.add(script);
    }
  }
  let bytes = 0;
  for (const script of scripts) {
    const name = script.split("/").at(-1);
    bytes += compressed.get(name) ?? readFileSync(join(root, "static", name)).length;
  }
  return bytes / 1024;
}

let over = false;
for (const id of Object.keys(manifest.routes)) {
  if (!manifest.routes[id].hasErrorBoundary && !manifest.routes[id].path && !manifest.routes[id].index) continue;
  const kilobytes = firstLoad(id);
  over ||= kilobytes > BUDGET_KB;
  process.stdout.write(`${id.padEnd(40)} ${kilobytes.toFixed(1).padStart(7)} kB of script, compressed\n`);
}
if (over) {
  process.stderr.write(`A page loads more than ${BUDGET_KB} kB of script: split what it does not need at once.\n`);
  process.exitCode = 1;
}
