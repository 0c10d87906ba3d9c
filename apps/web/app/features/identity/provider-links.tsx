import type { SignInOptions } from "@synergy/client";
import { KeyRound } from "lucide-react";

interface ProviderLinksProps {
  providers: SignInOptions["oidc_providers"];
  /** The page to go to once signed in. */
  next: string | null;
}

/** Where else one may sign in from; plain links, since the provider's pages are not ours. */
export function ProviderLinks({ providers, next }: ProviderLinksProps) {
  if (!providers.length) return null;
  return (
    <div className="mt-6 flex flex-col gap-2 border-t border-line pt-6">
      {providers.map(({ id, name, start_url }) => (
        <a
          key={id}
          href={next ? `${start_url}?next=${encodeURIComponent(next)}` : start_url}
          className="inline-flex h-9 items-center justify-center gap-2 rounded-control border border-line bg-surface font-medium shadow-lift hover:bg-sunken touch:h-11"
        >
          <KeyRound aria-hidden className="size-4" /> Sign in with {name}
        </a>
      ))}
    </div>
  );
}
