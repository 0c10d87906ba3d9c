import type { ReactNode } from "react";

/** What a page of a mailed link shows when its token is not there or no longer good. */
export function LinkMissing({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <h1 className="mb-2 text-page font-semibold">{title}</h1>
      <p role="alert" className="text-body text-muted">
        {children}
      </p>
    </>
  );
}
