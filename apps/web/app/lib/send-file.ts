import { ApiError, problemOf } from "~/lib/api";
import { leaveForSignIn, refreshSession } from "~/lib/browser";

interface Sending {
  method?: "POST" | "PUT";
  signal?: AbortSignal;
  /** Called with the share that the server has taken, from 0 to 1. */
  onProgress?: (share: number) => void;
}

/**
 * Send one file as the part `file` of a form. Not by fetch, which does not tell how far it is.
 * Throws ApiError for an answer that is no success, TypeError when the server is not reached, and the signal's reason.
 */
export async function sendFile<T>(address: string, file: File, sending: Sending): Promise<T> {
  let answer = await attempt(address, file, sending);
  if (answer.status === 401) {
    if (await refreshSession()) answer = await attempt(address, file, sending);
    else leaveForSignIn();
  }
  const body: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new ApiError(problemOf(body, answer));
  return body as T;
}

function attempt(address: string, file: File, { method = "POST", signal, onProgress }: Sending): Promise<Response> {
  signal?.throwIfAborted();
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.upload.onprogress = (event) => onProgress?.(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      const id = request.getResponseHeader("x-request-id");
      const { status, statusText, responseText } = request;
      resolve(new Response(responseText, { status, statusText, ...(id && { headers: { "x-request-id": id } }) }));
    };
    request.onerror = () => reject(new TypeError("The server was not reached"));
    request.onabort = () => reject(signal?.reason);
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
