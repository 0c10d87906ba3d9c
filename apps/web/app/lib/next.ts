/** Where to go after signing in: an address of this site, never of another. */
export function safeNext(value: string | null): string {
  // Browsers leave tabs and line breaks out of an address: with one in between, // would be there after all.
  return value && /^\/(?![/\\])\P{Cc}*$/u.test(value) ? value : "/projects";
}
