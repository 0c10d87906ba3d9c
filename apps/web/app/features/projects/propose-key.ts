/** A project's key from its name, as the server proposes it: initials of its words, or the beginning of its only one. */
export function proposeKey(name: string): string {
  const plain = name
    .normalize("NFKD")
    .replace(/[^\p{ASCII}]/gu, "")
    .toUpperCase();
  const words = plain.match(/[A-Z][A-Z0-9]*/g) ?? [];
  const stem = words.length > 1 ? words.map((word) => word[0]).join("") : words.join("");
  return stem.length > 1 ? stem.slice(0, 4) : "";
}
