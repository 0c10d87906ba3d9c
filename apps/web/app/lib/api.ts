/** RFC 9457, as the API answers every error. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string | null;
  code: string;
  request_id: string | null;
  errors: { pointer: string; code: string; detail: string }[];
}

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

export async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: "about:blank",
    title: response.statusText || "Error",
    status: response.status,
    detail: "The server gave an answer that this page does not understand.",
    code: "unknown",
    request_id: response.headers.get("x-request-id"),
    errors: [],
  };
  if (!response.headers.get("content-type")?.includes("json")) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

/** Speaks to the API for one person: in the browser with its cookies, on the server with those of the request. */
export interface Api {
  get<T>(path: string, options?: RequestOptions): Promise<T>;
  post<T>(path: string, options?: RequestOptions): Promise<T>;
  patch<T>(path: string, options?: RequestOptions): Promise<T>;
  delete(path: string, options?: RequestOptions): Promise<void>;
}

export function makeApi(send: (path: string, init: RequestInit) => Promise<Response>): Api {
  async function call<T>(method: string, path: string, { query, body, signal }: RequestOptions = {}): Promise<T> {
    const search = new URLSearchParams(
      Object.entries(query ?? {}).flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [[name, String(value)]],
      ),
    ).toString();
    const response = await send(`/api/v1${path}${search && `?${search}`}`, {
      method,
      signal,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new ApiError(await problemOf(response));
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
  return {
    get: (path, options) => call("GET", path, options),
    // Unsafe methods always carry a JSON body: with cookies the API takes nothing else.
    post: (path, options) => call("POST", path, { body: {}, ...options }),
    patch: (path, options) => call("PATCH", path, options),
    delete: (path, options) => call("DELETE", path, options),
  };
}
