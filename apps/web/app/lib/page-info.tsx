import { createContext, use } from "react";

export type Theme = "system" | "light" | "dark";

/** What one request knows beside its data; also there when no route matched or a loader failed. */
export interface PageInfo {
  nonce: string | undefined;
  requestId: string;
  theme: Theme;
}

export const PageInfoContext = createContext<PageInfo>({ nonce: undefined, requestId: "", theme: "system" });

export function usePageInfo(): PageInfo {
  return use(PageInfoContext);
}
