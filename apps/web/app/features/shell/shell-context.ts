import { createContext, use } from "react";
import type { Status } from "~/lib/types";

export interface NewTask {
  projectId?: string;
  status?: Status;
}

/** What any page can ask of the frame around it. */
export interface Shell {
  openDrawer: () => void;
  openPalette: () => void;
  openHelp: () => void;
  createTask: (preset?: NewTask) => void;
}

export const ShellContext = createContext<Shell | null>(null);

export function useShell(): Shell {
  const shell = use(ShellContext);
  if (!shell) throw new Error("useShell is for pages inside the shell");
  return shell;
}
