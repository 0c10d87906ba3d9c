import { AlertCircle } from "lucide-react";
import { ApiError, type Problem } from "~/lib/api";

/** What a form's action answers when the API refused it. */
export interface FormFailure {
  problem: Problem;
  values: Record<string, string>;
}

/** The refusal of a call that a form made; nothing for other errors, which a message tells. */
export function failureOf(error: unknown): FormFailure | undefined {
  return error instanceof ApiError ? { problem: error.problem, values: {} } : undefined;
}

/** The message for one field, or nothing. */
export function fieldError(failure: FormFailure | undefined, name: string): string | undefined {
  const fault = failure?.problem.errors.find((error) => error.pointer === `/${name}`);
  return fault && `${fault.detail.charAt(0).toUpperCase()}${fault.detail.slice(1)}`;
}

/** The reason of a refusal that belongs to no single field. */
export function FormAlert({ failure, fields }: { failure: FormFailure | undefined; fields: readonly string[] }) {
  if (!failure || fields.some((field) => fieldError(failure, field))) return null;
  return (
    <p role="alert" className="flex items-start gap-2 rounded-control border border-danger/40 bg-danger/8 px-3 py-2">
      <AlertCircle aria-hidden className="mt-0.5 size-4 shrink-0 text-danger" />
      {failure.problem.detail}
    </p>
  );
}
