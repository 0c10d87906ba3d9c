/** A sentence in which commands stand between backticks. */
export function InlineCode({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    index % 2 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no names, and never move
      <code key={index} className="rounded-chip bg-sunken px-1 font-mono text-meta">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
