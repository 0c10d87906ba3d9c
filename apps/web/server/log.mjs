// One JSON object a line, in flat ECS names, as every process of SynergyOS writes them.
const levels = { debug: 10, info: 20, warning: 30, error: 40 };
const threshold = levels[(process.env.LOG_LEVEL ?? "info").toLowerCase()] ?? levels.info;

/** The path of an address for a log: without its query, and without the token in the place of a name. */
export function loggedPath(url) {
  return url.split(/[?#]/, 1)[0].replace(/^((?:\/api\/v1)?\/(?:invitations|unsubscribe)\/)[^/]+/, "$1[redacted]");
}

/**
 * Write one line to stdout.
 * @param {"debug" | "info" | "warning" | "error"} level
 * @param {string} message the event's name, e.g. "http.request"
 * @param {Record<string, unknown>} [fields] flat ECS names
 */
export function log(level, message, fields = {}) {
  if (levels[level] < threshold) return;
  const line = {
    "@timestamp": new Date().toISOString(),
    "log.level": level,
    message,
    "service.name": "synergy-web",
    "service.version": process.env.npm_package_version,
    ...fields,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The fields that describe an error; the stack stays in the log and never reaches a client. */
export function errorFields(error) {
  if (!(error instanceof Error)) return { "error.message": String(error) };
  return {
    "error.type": error.name,
    "error.message": error.message,
    "error.stack_trace": error.stack,
  };
}

/** Libraries write to the console; their lines become objects too. */
export function captureConsole() {
  const forward =
    (level) =>
    (...parts) => {
      const error = parts.find((part) => part instanceof Error);
      const text = parts.map((part) => (part instanceof Error ? part.message : String(part))).join(" ");
      log(level, "web.console", { "event.original": text, ...(error ? errorFields(error) : {}) });
    };
  console.log = forward("info");
  console.info = forward("info");
  console.debug = forward("debug");
  console.warn = forward("warning");
  console.error = forward("error");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log("warning", "web.process_warning", errorFields(warning)));
}
