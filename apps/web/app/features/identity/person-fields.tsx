import type { ReactNode } from "react";
import { TextField } from "~/components/ui/field";
import { type FormFailure, fieldError } from "~/features/identity/form";

interface PersonFieldsProps {
  failure: FormFailure | undefined;
  values: Record<string, string> | undefined;
  /** What to name in front of each pointer of a fault, when the person is a part of the input. */
  prefix?: string;
  /** What stands between the username and the password. */
  children?: ReactNode;
}

/** Name, username and password of a new account. */
export function PersonFields({ failure, values, prefix = "", children }: PersonFieldsProps) {
  const field = (name: string) => ({
    name,
    required: true,
    defaultValue: values?.[name],
    error: fieldError(failure, `${prefix}${name}`),
  });
  return (
    <>
      <div className="grid grid-cols-2 gap-3">
        <TextField label="First name" autoComplete="given-name" autoFocus maxLength={50} {...field("first_name")} />
        <TextField label="Last name" autoComplete="family-name" maxLength={50} {...field("last_name")} />
      </div>
      <TextField
        label="Username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        minLength={3}
        maxLength={30}
        hint="Letters, digits, - and _. Others mention you by it."
        {...field("username")}
      />
      {children}
      <TextField
        label="Password"
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        hint="At least 8 characters."
        {...field("password")}
      />
    </>
  );
}
