import { AlertCircle, CheckCircle2, Copy, X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { Button, IconButton } from "~/components/ui/button";
import { ApiError, reasonOf } from "~/lib/api";

const MAX_SHOWN = 3;
const SHOWN_MS = 6_000;

interface Toast {
  id: number;
  kind: "done" | "error";
  message: string;
  requestId?: string | null;
  action?: { label: string; run: () => void };
}

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function show(toast: Omit<Toast, "id">): void {
  // The same failure many times over is still one message.
  const others = toasts.filter((other) => other.message !== toast.message);
  change([...others, { ...toast, id: nextId++ }].slice(-MAX_SHOWN));
}

function dismiss(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

/** Say that something was done; goes away by itself. */
export function toastDone(message: string, action?: Toast["action"]): void {
  show({ kind: "done", message, action });
}

/** Say what failed and why, with the request's id to copy; stays until it is closed. */
export function toastError(what: string, error: unknown, retry?: () => void): void {
  show({
    kind: "error",
    message: `${what} ${reasonOf(error, "Check the connection and try again.")}`,
    requestId: error instanceof ApiError ? error.problem.request_id : null,
    action: retry && { label: "Retry", run: retry },
  });
}

/** For a form, which shows what the server refused: what never came to the server is a message. */
export function toastUnlessAnswered(what: string, error: unknown): void {
  if (!(error instanceof ApiError)) toastError(what, error);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function ToastCard({ toast }: { toast: Toast }) {
  const { id, kind, message, requestId, action } = toast;
  useEffect(() => {
    if (kind === "error") return;
    const timer = setTimeout(() => dismiss(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, kind]);
  const Icon = kind === "error" ? AlertCircle : CheckCircle2;
  return (
    <li className="pointer-events-auto flex animate-rise-in items-start gap-2 rounded-card border border-line bg-raised py-2 ps-3 pe-2 shadow-pop">
      <Icon aria-hidden className={`mt-1 size-4 shrink-0 ${kind === "error" ? "text-danger" : "text-ok"}`} />
      <div className="min-w-0 flex-1 py-0.5">
        <p className="[overflow-wrap:anywhere]">{message}</p>
        {requestId && (
          <p className="mt-0.5 flex items-center gap-1 text-meta text-subtle">
            <span className="truncate">Request {requestId}</span>
            <IconButton label="Copy the request id" onPress={() => navigator.clipboard?.writeText(requestId)}>
              <Copy />
            </IconButton>
          </p>
        )}
      </div>
      {action && (
        <Button
          onPress={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton label="Dismiss" onPress={() => dismiss(id)}>
        <X />
      </IconButton>
    </li>
  );
}

const none: readonly Toast[] = [];

export function Toaster() {
  const shown = useSyncExternalStore(
    subscribe,
    () => toasts,
    () => none,
  );
  return (
    <section
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed end-4 bottom-4 z-60 w-[min(24rem,calc(100vw-2rem))]"
    >
      <ol className="flex flex-col gap-2">
        {shown.map((toast) => (
          <ToastCard key={toast.id} toast={toast} />
        ))}
      </ol>
    </section>
  );
}
