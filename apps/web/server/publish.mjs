// Copies the hashed files to a volume that the proxy serves, before the server starts, and keeps those of the release
// before: a page that is still open goes on to load what it refers to. Preloaded by the container's command.
import { cp, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { log } from "./log.mjs";
import "./version.mjs";

const KEPT_RELEASES = 2;

/** Publish `source` to `target` as release `version`; returns how many files were copied and removed. */
export async function publish(source, target, version) {
  const lists = join(target, ".releases");
  await mkdir(lists, { recursive: true });
  const files = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1));
  let copied = 0;
  for (const file of files) {
    const to = join(target, file);
    // the name holds the content's hash: what is there already is the same
    if (await stat(to).catch(() => null)) continue;
    await mkdir(join(to, ".."), { recursive: true });
    await cp(join(source, file), `${to}.${process.pid}.part`);
    await rename(`${to}.${process.pid}.part`, to);
    copied += 1;
  }
  const list = join(lists, version.replace(/[^\w.-]/g, "_"));
  await writeFile(list, files.join("\n"));
  const now = new Date();
  await utimes(list, now, now);
  return { copied, removed: await prune(target, lists) };
}

/** Remove what none of the newest releases names. */
async function prune(target, lists) {
  const releases = await Promise.all(
    (await readdir(lists)).map(async (name) => ({ name, at: (await stat(join(lists, name))).mtimeMs })),
  );
  releases.sort((one, other) => other.at - one.at);
  const kept = new Set();
  for (const { name } of releases.slice(0, KEPT_RELEASES)) {
    for (const file of (await readFile(join(lists, name), "utf8")).split("\n")) kept.add(file);
  }
  let removed = 0;
  for (const { name } of releases.slice(KEPT_RELEASES)) {
    for (const file of (await readFile(join(lists, name), "utf8")).split("\n")) {
      if (kept.has(file)) continue;
      await rm(join(target, file), { force: true });
      removed += 1;
    }
    await rm(join(lists, name), { force: true });
  }
  return removed;
}

if (process.env.SYNERGY_STATIC_DIR) {
  const source = new URL("../build/client/static", import.meta.url).pathname;
  const version = process.env.SYNERGY_VERSION ?? "dev";
  const { copied, removed } = await publish(source, join(process.env.SYNERGY_STATIC_DIR, "static"), version);
  log("info", "web.published", { "synergy.copied": copied, "synergy.removed": removed });
}
