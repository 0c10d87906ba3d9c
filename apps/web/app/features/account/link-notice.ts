import { refusalOf } from "~/features/identity/sign-in-notice";

/** What a provider's way back says when somebody linked their account, beside what signing in says. */
const REFUSED: Record<string, string> = {
  cancelled: "Linking was cancelled.",
  expired: "Linking took too long, or was begun in another browser. Try again.",
  identity_taken: "That account signs in as somebody else here already. Unlink it there first.",
  sign_in_again: "You were signed out meanwhile, or signed in anew. Link it again.",
};

interface LinkNotice {
  isDone: boolean;
  text: string;
}

/** What the page says of a link that was just made or refused, by the address that led back to it. */
export function linkNotice(
  params: URLSearchParams,
  providers: readonly { id: string; name: string }[],
): LinkNotice | undefined {
  const error = params.get("link_error");
  if (error !== null) {
    return { isDone: false, text: REFUSED[error] ?? refusalOf(error) ?? "The account was not linked. Try again." };
  }
  const linked = params.get("linked");
  if (linked === null) return undefined;
  const name = providers.find(({ id }) => id === linked)?.name ?? "The account";
  return { isDone: true, text: `${name} is linked: you can sign in with it.` };
}
