export function log(
  level: "debug" | "info" | "warning" | "error",
  message: string,
  fields?: Record<string, unknown>,
): void;
export function loggedPath(url: string): string;
export function errorFields(error: unknown): Record<string, unknown>;
export function captureConsole(): void;
