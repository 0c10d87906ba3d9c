/** Two strokes that meet: the mark of SynergyOS. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" className={className}>
      <rect width="24" height="24" rx="6" fill="var(--accent)" />
      <path
        d="M16.5 8.2c-1-1.3-2.6-2-4.5-2-2.6 0-4.4 1.3-4.4 3.2 0 4.3 8.8 1.9 8.8 5.4 0 1.8-1.8 3-4.4 3-2 0-3.7-.8-4.6-2.2"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
    </svg>
  );
}
