import { StrictMode, startTransition } from "react";
import { hydrateRoot } from "react-dom/client";
import { HydratedRouter } from "react-router/dom";
import { PageInfoContext, type Theme } from "~/lib/page-info";

const info = {
  // Browsers hide nonces from scripts; React must not compare them.
  nonce: undefined,
  requestId: document.querySelector<HTMLMetaElement>('meta[name="request-id"]')?.content ?? "",
  theme: (document.documentElement.dataset.theme ?? "system") as Theme,
};

startTransition(() => {
  hydrateRoot(
    document,
    <StrictMode>
      <PageInfoContext value={info}>
        <HydratedRouter />
      </PageInfoContext>
    </StrictMode>,
  );
});
