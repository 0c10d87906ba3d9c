import { createContext, type MiddlewareFunction } from "react-router";
import { type Api, makeApi } from "~/lib/api";
import { ACCESS_COOKIES, parseCookies, REFRESH_COOKIES, withSetCookies } from "~/lib/server/cookies.server";
import { logError } from "~/lib/server/log.server";

const API_TIMEOUT_MS = 15_000;

/** The API as the person of one request, and the cookies that the answer hands on to the browser. */
export interface Session {
  readonly api: Api;
  readonly hasAccess: boolean;
  /** Call the API and hand its Set-Cookie headers on to the browser. */
  send(path: string, init: RequestInit): Promise<Response>;
}

export const sessionContext = createContext<Session>();

class RequestSession implements Session {
  readonly api: Api;
  readonly setCookies: string[] = [];
  #cookie: string;
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
    this.#cookie = request.headers.get("cookie") ?? "";
    this.api = makeApi((path, init) => this.#fetch(path, init));
  }

  #has(names: readonly string[]): boolean {
    const cookies = parseCookies(this.#cookie);
    return names.some((name) => cookies.get(name));
  }

  get hasAccess(): boolean {
    return this.#has(ACCESS_COOKIES);
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const { headers: given, signal, url } = this.#request;
    const headers = new Headers(init.headers);
    if (this.#cookie) headers.set("cookie", this.#cookie);
    for (const name of ["user-agent", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "traceparent"]) {
      const value = given.get(name);
      if (value) headers.set(name, value);
    }
    // The page and the API share one public origin; the router has refused foreign ones before any action runs.
    const { protocol, host } = new URL(url);
    headers.set(
      "origin",
      given.get("origin") ?? `${given.get("x-forwarded-proto") ?? protocol.slice(0, -1)}://${host}`,
    );
    headers.set("x-forwarded-host", host);
    return fetch(new URL(path, process.env.SYNERGY_API_URL), {
      ...init,
      headers,
      redirect: "manual",
      signal: AbortSignal.any([signal, init.signal, AbortSignal.timeout(API_TIMEOUT_MS)].filter((part) => !!part)),
    });
  }

  async send(path: string, init: RequestInit): Promise<Response> {
    const response = await this.#fetch(path, init);
    const setCookies = response.headers.getSetCookie();
    this.setCookies.push(...setCookies);
    this.#cookie = withSetCookies(this.#cookie, setCookies);
    return response;
  }

  /** Once for a page, before any loader: later ones would rotate the same token in parallel. */
  async refresh(): Promise<void> {
    if (this.hasAccess || !this.#has(REFRESH_COOKIES)) return;
    try {
      const response = await this.send("/api/v1/auth/refresh", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: "{}",
      });
      await response.body?.cancel();
    } catch (error) {
      // Without the API the loaders fail too, and say so.
      logError(error, this.#request);
    }
  }
}

export const sessionMiddleware: MiddlewareFunction<Response> = async ({ request, context }, next) => {
  const session = new RequestSession(request);
  await session.refresh();
  context.set(sessionContext, session);
  const response = await next();
  for (const setCookie of session.setCookies) response.headers.append("set-cookie", setCookie);
  return response;
};
