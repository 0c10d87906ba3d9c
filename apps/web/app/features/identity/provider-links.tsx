import type { SignInOptions } from "@synergy/client";
import { KeyRound } from "lucide-react";
import { LinkButton } from "~/components/ui/button";

interface ProviderLinksProps {
  providers: SignInOptions["oidc_providers"];
  /** The page to go to once signed in. */
  next: string | null;
}

/** Where else one may sign in from; new documents, since the provider's pages are not ours. */
export function ProviderLinks({ providers, next }: ProviderLinksProps) {
  if (!providers.length) return null;
  return (
    <div className="mt-6 flex flex-col gap-2 border-t border-line pt-6">
      {providers.map(({ id, name, start_url }) => (
        <LinkButton
          key={id}
          to={next ? `${start_url}?next=${encodeURIComponent(next)}` : start_url}
          reloadDocument
          size="md"
          className="h-9"
        >
          <KeyRound aria-hidden /> Sign in with {name}
        </LinkButton>
      ))}
    </div>
  );
}
