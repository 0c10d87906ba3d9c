import { useEffect, useRef } from "react";

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.role === "menuitem")
  );
}

/** A key as shortcuts name it: "mod+k" for ⌘ or Ctrl, letters in lower case, "?" as it is typed. */
export function shortcutOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${event.metaKey || event.ctrlKey ? "mod+" : ""}${event.altKey ? "alt+" : ""}${key}`;
}

/** Run an action for a key pressed anywhere but in a field or an open dialog; combinations with ⌘ or Ctrl always. */
export function useShortcuts(actions: Record<string, (() => void) | undefined>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const shortcut = shortcutOf(event);
      const action = latest.current[shortcut];
      if (!action) return;
      const isBusy = isTyping(event.target) || document.querySelector('[role="dialog"], [role="menu"]') !== null;
      if (isBusy && !shortcut.startsWith("mod+")) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
