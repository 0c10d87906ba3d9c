import { AlertCircle, ChevronDown } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "~/components/ui/cx";

export const inputClass =
  "w-full rounded-control border border-outline bg-surface text-text transition-colors duration-100 placeholder:text-subtle hover:border-muted focus:border-accent focus:outline-2 focus:-outline-offset-1 focus:outline-accent aria-invalid:border-danger aria-invalid:focus:outline-danger disabled:opacity-60";

interface FieldProps {
  label: string;
  error?: string;
  hint?: ReactNode;
  isOptional?: boolean;
}

interface Wiring {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

function Field({ label, error, hint, isOptional, children }: FieldProps & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const noteId = `${id}-note`;
  const hasNote = Boolean(error || hint);
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="flex items-baseline justify-between text-meta font-medium text-text">
        {label}
        {isOptional && <span className="font-normal text-subtle">Optional</span>}
      </label>
      {children({ id, "aria-describedby": hasNote ? noteId : undefined, "aria-invalid": error ? true : undefined })}
      {hasNote && (
        <p id={noteId} className={cx("flex items-start gap-1 text-meta", error ? "text-danger" : "text-subtle")}>
          {error && <AlertCircle aria-hidden className="mt-0.5 size-3 shrink-0" />}
          <span>{error ?? hint}</span>
        </p>
      )}
    </div>
  );
}

export function TextField({
  label,
  error,
  hint,
  isOptional,
  className,
  ...props
}: FieldProps & ComponentProps<"input">) {
  return (
    <Field label={label} error={error} hint={hint} isOptional={isOptional}>
      {(wiring) => <input {...props} {...wiring} className={cx(inputClass, "h-9 px-2.5 touch:h-11", className)} />}
    </Field>
  );
}

export function TextAreaField({
  label,
  error,
  hint,
  isOptional,
  className,
  ...props
}: FieldProps & ComponentProps<"textarea">) {
  return (
    <Field label={label} error={error} hint={hint} isOptional={isOptional}>
      {(wiring) => <textarea {...props} {...wiring} className={cx(inputClass, "min-h-20 px-2.5 py-2", className)} />}
    </Field>
  );
}

export function SelectField({ label, error, hint, isOptional, ...props }: FieldProps & ComponentProps<"select">) {
  return (
    <Field label={label} error={error} hint={hint} isOptional={isOptional}>
      {(wiring) => <Select {...props} {...wiring} />}
    </Field>
  );
}

/** A native select: phones show their own picker. */
export function Select({ className, children, ...props }: ComponentProps<"select">) {
  return (
    <span className={cx("relative inline-flex", className)}>
      <select {...props} className={cx(inputClass, "h-7 appearance-none ps-2.5 pe-7 touch:h-11")}>
        {children}
      </select>
      <ChevronDown
        aria-hidden
        className="pointer-events-none absolute end-2 top-1/2 size-3.5 -translate-y-1/2 text-muted"
      />
    </span>
  );
}
