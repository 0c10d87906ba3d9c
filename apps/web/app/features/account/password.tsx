import { useSuspenseQuery } from "@tanstack/react-query";
import { type FormEvent, useRef } from "react";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";
import { Section } from "~/components/ui/section";
import { toastDone } from "~/components/ui/toast";
import { useChangePassword } from "~/features/account/mutations";
import { FormAlert, failureOf, fieldError } from "~/features/identity/form";
import { meQuery } from "~/features/identity/queries";

/** Sets another password; it ends all other sessions. */
export function Password() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: change, error, isPending } = useChangePassword();
  const form = useRef<HTMLFormElement>(null);
  const failure = failureOf(error);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    change(
      {
        current_password: me.has_password ? String(fields.get("current_password")) : null,
        new_password: String(fields.get("new_password")),
      },
      {
        onSuccess: () => {
          form.current?.reset();
          toastDone("Your password is changed. You are signed out everywhere else.");
        },
      },
    );
  };
  return (
    <Section title="Password" intro="Changing it ends all other sessions.">
      <form ref={form} onSubmit={submit} className="flex max-w-md flex-col gap-4 p-4">
        <FormAlert failure={failure} fields={["current_password", "new_password"]} />
        {/* Password managers want to know whose it is. */}
        <input type="text" name="username" autoComplete="username" value={me.username} readOnly hidden />
        {me.has_password && (
          <TextField
            label="Current password"
            name="current_password"
            type="password"
            autoComplete="current-password"
            required
            maxLength={128}
            error={fieldError(failure, "current_password")}
          />
        )}
        <TextField
          label="New password"
          name="new_password"
          type="password"
          autoComplete="new-password"
          required
          minLength={8}
          maxLength={128}
          hint="At least 8 characters."
          error={fieldError(failure, "new_password")}
        />
        <Button type="submit" variant="primary" size="md" isPending={isPending} className="self-start">
          {me.has_password ? "Change password" : "Set a password"}
        </Button>
      </form>
    </Section>
  );
}
