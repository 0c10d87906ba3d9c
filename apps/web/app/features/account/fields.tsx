import { TextField } from "~/components/ui/field";

interface AccountFieldProps {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
  autoFocus?: boolean;
}

/** One's own password, before something that changes how one gets in. */
export function OwnPasswordField({ value, onChange, error, autoFocus }: AccountFieldProps) {
  return (
    <TextField
      label="Your password"
      type="password"
      autoComplete="current-password"
      autoFocus={autoFocus}
      required
      maxLength={128}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      error={error}
    />
  );
}

/** Six digits, which phones offer from an app or a mail by themselves. */
export function CodeField({ value, onChange, error, autoFocus }: AccountFieldProps) {
  return (
    <TextField
      label="Code"
      inputMode="numeric"
      autoComplete="one-time-code"
      autoFocus={autoFocus}
      required
      maxLength={10}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      error={error}
    />
  );
}
