// As npm sets it for `npm start`: the version that log lines carry.
import { readFileSync } from "node:fs";

process.env.npm_package_version = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
