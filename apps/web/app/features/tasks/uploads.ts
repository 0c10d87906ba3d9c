import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { refreshTask } from "~/features/tasks/mutations";
import { attachmentsQuery } from "~/features/tasks/queries";
import { ApiError } from "~/lib/api";
import { sendFile } from "~/lib/send-file";
import type { Attachment } from "~/lib/types";

/** A browser opens six connections to a server, and pages need some while files are on their way. */
const AT_ONCE = 2;

export interface Upload {
  id: number;
  taskKey: string;
  file: File;
  /** From 0 to 1. */
  share: number;
  /** Why it failed, in a sentence. */
  error?: string;
}

interface Shown {
  /** Those of all tasks that are under way or have failed. */
  uploads: readonly Upload[];
  /** What happened last, for those who do not see the list. */
  said: string;
}

let shown: Shown = { uploads: [], said: "" };
let nextId = 1;
const running = new Map<number, AbortController>();
const listeners = new Set<() => void>();

function set(uploads: readonly Upload[], said = shown.said): void {
  shown = { uploads, said };
  for (const listener of listeners) listener();
}

function change(id: number, changes: Partial<Upload>, said?: string): void {
  set(
    shown.uploads.map((upload) => (upload.id === id ? { ...upload, ...changes } : upload)),
    said,
  );
}

function remove(id: number, said?: string): void {
  set(
    shown.uploads.filter((upload) => upload.id !== id),
    said,
  );
}

/** Add files to a task. They go on while other tasks and pages are looked at. */
export function startUploads(client: QueryClient, taskKey: string, files: Iterable<File>): void {
  set([...shown.uploads, ...Array.from(files, (file) => ({ id: nextId++, taskKey, file, share: 0 }))]);
  startNext(client);
}

export function retryUpload(client: QueryClient, id: number): void {
  change(id, { error: undefined, share: 0 });
  startNext(client);
}

/** Stop an upload, or forget one that failed. */
export function cancelUpload(id: number): void {
  const name = shown.uploads.find((upload) => upload.id === id)?.file.name;
  const controller = running.get(id);
  controller?.abort();
  remove(id, controller && `The upload of ${name} was stopped.`);
}

function startNext(client: QueryClient): void {
  for (const upload of shown.uploads) {
    if (running.size >= AT_ONCE) return;
    if (upload.error === undefined && !running.has(upload.id)) {
      run(client, upload).finally(() => {
        running.delete(upload.id);
        startNext(client);
      });
    }
  }
}

async function run(client: QueryClient, { id, taskKey, file }: Upload): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const made = await sendFile<Attachment>(`/api/v1/tasks/${taskKey}/attachments`, file, {
      signal: controller.signal,
      onProgress: (share) => change(id, { share }),
    });
    // A list that was never loaded stays unknown: one file is not all of it.
    client.setQueryData(attachmentsQuery(taskKey).queryKey, (list) =>
      !list || list.some((other) => other.id === made.id) ? list : [made, ...list],
    );
    remove(id, `${made.name} is attached.`);
    await refreshTask(client, taskKey);
  } catch (error) {
    if (!controller.signal.aborted) {
      const reason = reasonOf(error);
      change(id, { error: reason }, `${file.name} was not attached. ${reason}`);
    }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  // A folder looks like a file until it is read, and a file may be gone by then.
  return "It could not be sent. Check the connection and that the file is still there, and try again.";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const none: Shown = { uploads: [], said: "" };

/** The uploads of one task, and what happened last to one of any task. */
export function useUploads(taskKey: string): Shown {
  const { uploads, said } = useSyncExternalStore(
    subscribe,
    () => shown,
    () => none,
  );
  return { uploads: uploads.filter((upload) => upload.taskKey === taskKey), said };
}
