import { refresh } from "@synergy/client";
import { createContext, type MiddlewareFunction } from "react-router";
import { type Api, ApiError, makeApi, type Problem } from "~/lib/api";
import { ACCESS_COOKIES, parseCookies, REFRESH_COOKIES, withSetCookies } from "~/lib/server/cookies.server";
import { logError } from "~/lib/server/log.server";

const API_TIMEOUT_MS = 15_000;

/** Before the second and the third try. */
const PAUSES_MS = [50, 500];
/** Errors of a connection that never came about. */
const UNREACHED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

const UNAVAILABLE: Problem = {
  type: "about:blank",
  title: "Service unavailable",
  status: 503,
  detail: "The service does not answer at the moment. Try again in a few seconds.",
  instance: "",
  code: "service_unavailable",
  request_id: "",
  errors: [],
};

/** The API as the person of one request; the cookies that it sets are handed on to the browser. */
export interface Session {
  readonly api: Api;
  readonly hasAccess: boolean;
}

export const sessionContext = createContext<Session>();

/**
 * Replicas of the API come and go: what only reads, and what none of them has received, is asked again.
 * @param call a request whose body, if any, may be read once for each try
 */
export async function fetchPatiently(call: Request, options: RequestInit): Promise<Response> {
  for (const pause of PAUSES_MS) {
    try {
      return await fetch(new Request(call.clone(), options));
    } catch (error) {
      const code = (error as { cause?: { code?: string } }).cause?.code ?? "";
      if (options.signal?.aborted || !(call.method === "GET" || UNREACHED.has(code))) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return fetch(new Request(call, options));
}

class RequestSession implements Session {
  readonly api: Api;
  readonly setCookies: string[] = [];
  /** What the browser is to forget, once the session has ended. */
  clearSiteData: string | null = null;
  #cookie: string;
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
    this.#cookie = request.headers.get("cookie") ?? "";
    this.api = makeApi((call) => this.#send(call), process.env.SYNERGY_API_URL);
  }

  #has(names: readonly string[]): boolean {
    const cookies = parseCookies(this.#cookie);
    return names.some((name) => cookies.get(name));
  }

  get hasAccess(): boolean {
    return this.#has(ACCESS_COOKIES);
  }

  /** Pass a call on as the person of the page, and keep the cookies that the answer sets. */
  async #send(call: Request): Promise<Response> {
    const { headers: given, signal } = this.#request;
    const headers = new Headers(call.headers);
    if (this.#cookie) headers.set("cookie", this.#cookie);
    for (const name of ["user-agent", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "traceparent"]) {
      const value = given.get(name);
      if (value) headers.set(name, value);
    }
    // The router has refused forms of other origins before any action runs, and fetch sends its own Host.
    headers.set("sec-fetch-site", "same-origin");
    const abort = AbortSignal.any([signal, call.signal, AbortSignal.timeout(API_TIMEOUT_MS)]);
    const response = await fetchPatiently(call, { headers, redirect: "manual", signal: abort }).catch((error) => {
      if (!signal.aborted) logError(error, this.#request);
      return Response.json(UNAVAILABLE, { status: UNAVAILABLE.status });
    });
    const setCookies = response.headers.getSetCookie();
    this.setCookies.push(...setCookies);
    this.clearSiteData ??= response.headers.get("clear-site-data");
    this.#cookie = withSetCookies(this.#cookie, setCookies);
    return response;
  }

  /** Once for a page, before any loader: later ones would rotate the same token in parallel. */
  async refresh(): Promise<void> {
    if (this.hasAccess || !this.#has(REFRESH_COOKIES)) return;
    try {
      await refresh({ client: this.api });
    } catch (error) {
      // A session that has ended leads to the sign-in page; without the API the loaders fail too, and say so.
      if (!(error instanceof ApiError)) logError(error, this.#request);
    }
  }
}

export const sessionMiddleware: MiddlewareFunction<Response> = async ({ request, context }, next) => {
  const session = new RequestSession(request);
  await session.refresh();
  context.set(sessionContext, session);
  const response = await next();
  for (const setCookie of session.setCookies) response.headers.append("set-cookie", setCookie);
  if (session.clearSiteData) response.headers.set("clear-site-data", session.clearSiteData);
  return response;
};
