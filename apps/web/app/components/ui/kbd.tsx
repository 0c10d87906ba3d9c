import type { ReactNode } from "react";

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-chip border border-line bg-sunken px-1 font-sans text-label text-muted">
      {children}
    </kbd>
  );
}
