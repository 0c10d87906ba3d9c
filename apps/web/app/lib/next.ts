/** Where to go after signing in: an address of this site, never of another. */
export function safeNext(value: string | null): string {
  return value?.startsWith("/") && !/^\/[/\\]/.test(value) ? value : "/projects";
}
