import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { I18nProvider, RouterProvider } from "react-aria-components";
import { Links, Meta, Outlet, Scripts, ScrollRestoration, useHref, useNavigate } from "react-router";
import { ErrorPage } from "~/components/error-page";
import { Toaster } from "~/components/ui/toast";
import { makeApi } from "~/lib/api";
import { browserQueryClient } from "~/lib/browser";
import { usePageInfo } from "~/lib/page-info";
import { makeQueryClient } from "~/lib/query";
import { sessionMiddleware } from "~/lib/server/session.server";
import type { Route } from "./+types/root";
import "~/styles/app.css";

export const middleware: Route.MiddlewareFunction[] = [sessionMiddleware];

export const meta: Route.MetaFunction = () => [{ title: "SynergyOS" }];

export function Layout({ children }: { children: ReactNode }) {
  const { nonce, requestId, theme } = usePageInfo();
  return (
    <html lang="en" data-theme={theme} suppressHydrationWarning>
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
        <meta name="color-scheme" content="light dark" />
        <meta name="theme-color" content="#fbfbfc" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="#0e0f12" media="(prefers-color-scheme: dark)" />
        <meta name="request-id" content={requestId} />
        {/* react-aria reads the nonce here for the one style element that it adds. */}
        <meta property="csp-nonce" nonce={nonce} suppressHydrationWarning />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <ScrollRestoration />
        <Scripts />
      </body>
    </html>
  );
}

/** On the server components never fetch: loaders have done so before. */
const refuseToFetch = makeApi(() => Promise.reject(new Error("Fetch in a loader, not while rendering on the server")));

export default function App() {
  const navigate = useNavigate();
  const [client] = useState(() =>
    typeof window === "undefined" ? makeQueryClient(refuseToFetch) : browserQueryClient(),
  );
  return (
    <I18nProvider locale="en-GB">
      <RouterProvider navigate={navigate} useHref={useHref}>
        <QueryClientProvider client={client}>
          <Outlet />
          <Toaster />
        </QueryClientProvider>
      </RouterProvider>
    </I18nProvider>
  );
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  return <ErrorPage error={error} />;
}
