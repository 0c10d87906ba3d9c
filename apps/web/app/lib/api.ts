import type { Problem } from "@synergy/client";
import { type Client, createClient } from "@synergy/client/client";

export type { Problem };

/** Speaks to the API for one person: in the browser with its cookies, on the server with those of the request. */
export type Api = Client;

/** An answer of the API that is no success; `problem` says why in words for people. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  /** The message for one field of a form, by its JSON pointer without the slash. */
  field(name: string): string | undefined {
    return this.problem.errors.find((error) => error.pointer === `/${name}`)?.detail;
  }
}

/** Why a call failed, in words for people; `advice` is for when nothing was answered. */
export function reasonOf(error: unknown, advice = ""): string {
  return error instanceof ApiError ? error.message : `The server could not be reached. ${advice}`.trim();
}

/** What a changed thing is now, when a change was refused because somebody else was quicker. */
export function newerOf<T>(error: unknown): T | undefined {
  if (!(error instanceof ApiError) || error.status !== 412) return undefined;
  return (error.problem as Problem & { current?: T }).current;
}

/** The problem that an answer holds; one of our own making when it holds none. */
export function problemOf(body: unknown, response: Response): Problem {
  return {
    type: "about:blank",
    title: response.statusText || "Error",
    status: response.status,
    detail: "The server gave an answer that this page does not understand.",
    instance: "",
    code: "unknown",
    request_id: response.headers.get("x-request-id") ?? "",
    errors: [],
    ...(typeof body === "object" && body !== null ? body : {}),
  };
}

/** A client whose calls throw ApiError for every answer that is no success. */
export function makeApi(send: (request: Request) => Promise<Response>, baseUrl = ""): Api {
  const client = createClient({ baseUrl, throwOnError: true, fetch: send as typeof fetch });
  client.interceptors.error.use((error, response) => (response ? new ApiError(problemOf(error, response)) : error));
  return client;
}

/** What a call answers; it throws otherwise. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  const { data } = await call;
  return data as NonNullable<T>;
}
