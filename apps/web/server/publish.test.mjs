// @vitest-environment node
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { publish } from "./publish.mjs";

let folder;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "publish-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Publish a release whose build has these files, `minutes` after the first one. */
async function release(version, files, minutes) {
  const source = join(folder, `build-${version.replace(/\W/g, "_")}`);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(source, name, ".."), { recursive: true });
    await writeFile(join(source, name), text);
  }
  const told = await publish(source, join(folder, "static"), version);
  const lists = join(folder, "static", ".releases");
  const at = new Date(Date.UTC(2026, 0, 1, 0, minutes));
  await utimes(join(lists, version.replace(/[^\w.-]/g, "_")), at, at);
  return told;
}

async function published() {
  const names = await readdir(join(folder, "static"), { recursive: true, withFileTypes: true });
  return names
    .filter((each) => each.isFile() && !each.parentPath.endsWith(".releases"))
    .map((each) => join(each.parentPath, each.name).slice(join(folder, "static").length + 1))
    .sort();
}

test("copies all files, in folders too, and leaves no unfinished ones", async () => {
  expect(await release("1", { "a-1.js": "a", "fonts/b-1.woff2": "b" }, 0)).toEqual({ copied: 2, removed: 0 });
  expect(await published()).toEqual(["a-1.js", "fonts/b-1.woff2"]);
  expect(await readFile(join(folder, "static/a-1.js"), "utf8")).toBe("a");
});

test("copies nothing when the same release starts again", async () => {
  await release("1", { "a-1.js": "a" }, 0);
  expect(await release("1", { "a-1.js": "a" }, 1)).toEqual({ copied: 0, removed: 0 });
});

test("keeps the release before, and removes the one before that", async () => {
  await release("1", { "a-1.js": "a", "same.js": "s" }, 0);
  await release("2", { "a-2.js": "a", "same.js": "s" }, 1);
  expect(await published()).toEqual(["a-1.js", "a-2.js", "same.js"]);
  expect(await release("3", { "a-3.js": "a", "same.js": "s" }, 2)).toEqual({ copied: 1, removed: 1 });
  expect(await published()).toEqual(["a-2.js", "a-3.js", "same.js"]);
});

test("takes a version that is no file name", async () => {
  await release("0.1.0+build/7", { "a-1.js": "a" }, 0);
  expect(await published()).toEqual(["a-1.js"]);
});
