/** Text of machines, in a box that scrolls. */
export function Code({ label, children }: { label: string; children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section aria-label={label} tabIndex={0} className="max-h-64 overflow-auto rounded-control border border-line">
      <pre className="bg-sunken p-2.5 font-mono text-meta">{children}</pre>
    </section>
  );
}
