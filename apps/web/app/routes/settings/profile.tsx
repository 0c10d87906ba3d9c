import { useSuspenseQuery } from "@tanstack/react-query";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { Avatar } from "~/components/ui/avatar";
import { Button } from "~/components/ui/button";
import { TextAreaField, TextField } from "~/components/ui/field";
import { Section, SectionRow } from "~/components/ui/section";
import { Timezones } from "~/components/ui/timezones";
import { toastDone } from "~/components/ui/toast";
import { ChoosePicture } from "~/features/account/choose-picture";
import { useChangeProfile, useDeleteAccount, useRemoveAvatar } from "~/features/account/mutations";
import { VerifyAddress } from "~/features/account/verify-address";
import { FormAlert, failureOf, fieldError } from "~/features/identity/form";
import { personOf } from "~/features/identity/person";
import { meQuery } from "~/features/identity/queries";
import type { Route } from "./+types/profile";

const ConfirmPassword = lazy(() => import("~/features/account/confirm-password"));
const ChangeEmailDialog = lazy(() => import("~/features/account/change-email-dialog"));

const OPTIONAL = ["phone", "department", "position", "bio"] as const;
const FIELDS = ["first_name", "last_name", "timezone", ...OPTIONAL] as const;

export const meta: Route.MetaFunction = () => [{ title: "Profile · SynergyOS" }];

export default function ProfilePage() {
  return (
    <>
      <VerifyAddress reason="Your address is not confirmed yet." />
      <Picture />
      <Profile />
      <Address />
      <DeleteAccount />
    </>
  );
}

function Picture() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: remove, isPending } = useRemoveAvatar();
  return (
    <Section title="Picture" intro="PNG, JPEG, WebP or GIF, up to 5 MB. It is cut to a square.">
      <div className="flex items-center gap-4 p-4">
        <Avatar person={personOf(me)} size="lg" />
        <ChoosePicture />
        {me.avatar_url && (
          <Button
            isPending={isPending}
            onPress={() => remove(undefined, { onSuccess: () => toastDone("Your picture is removed.") })}
          >
            Remove
          </Button>
        )}
      </div>
    </Section>
  );
}

function Profile() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: change, error, isPending } = useChangeProfile();
  const failure = failureOf(error);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const read = (name: string) => String(fields.get(name) ?? "").trim();
    change(
      {
        first_name: read("first_name"),
        last_name: read("last_name"),
        timezone: read("timezone"),
        ...Object.fromEntries(OPTIONAL.map((name) => [name, read(name) || null])),
      },
      { onSuccess: () => toastDone("Your profile is saved.") },
    );
  };
  const field = (name: (typeof FIELDS)[number]) => ({
    name,
    defaultValue: me[name] ?? "",
    error: fieldError(failure, name),
  });
  return (
    <Section title="Profile" intro={`Colleagues see it, and mention you as @${me.username}.`}>
      {/* With another version the fields show what is saved now. */}
      <form key={me.version} onSubmit={submit} className="flex flex-col gap-4 p-4">
        <FormAlert failure={failure} fields={FIELDS} />
        <div className="grid grid-cols-2 gap-4 max-sm:grid-cols-1">
          <TextField label="First name" required maxLength={50} autoComplete="given-name" {...field("first_name")} />
          <TextField label="Last name" required maxLength={50} autoComplete="family-name" {...field("last_name")} />
          <TextField label="Department" isOptional maxLength={100} {...field("department")} />
          <TextField label="Position" isOptional maxLength={100} {...field("position")} />
          <TextField label="Phone" type="tel" isOptional maxLength={40} autoComplete="tel" {...field("phone")} />
          <TextField
            label="Timezone"
            required
            maxLength={64}
            list="timezones"
            hint="Days and times are meant in it."
            {...field("timezone")}
          />
        </div>
        <Timezones id="timezones" />
        <TextAreaField label="About you" isOptional maxLength={2000} {...field("bio")} />
        <Button type="submit" variant="primary" size="md" isPending={isPending} className="self-start">
          Save profile
        </Button>
      </form>
    </Section>
  );
}

function Address() {
  const { data: me } = useSuspenseQuery(meQuery);
  const [isOpen, setOpen] = useState(false);
  return (
    <Section title="Email">
      <ul>
        <SectionRow
          actions={
            <Button aria-label="Change the email address" onPress={() => setOpen(true)}>
              Change
            </Button>
          }
        >
          <span className="block font-medium wrap-anywhere">{me.email}</span>
          <span className="block text-meta text-subtle">
            {me.email_verified_at ? "Confirmed" : "Not confirmed yet"}
          </span>
        </SectionRow>
      </ul>
      <Suspense fallback={null}>
        {isOpen && <ChangeEmailDialog hasPassword={me.has_password} onClose={() => setOpen(false)} />}
      </Suspense>
    </Section>
  );
}

function DeleteAccount() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: remove, error, isPending, reset } = useDeleteAccount();
  const [isOpen, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
    reset();
  };
  return (
    <Section title="Delete the account" intro="What you wrote stays, under the name “Deleted user”.">
      <div className="p-4">
        <Button variant="danger" size="md" onPress={() => setOpen(true)}>
          Delete my account
        </Button>
      </div>
      <Suspense fallback={null}>
        {isOpen && (
          <ConfirmPassword
            title="Delete your account?"
            action="Delete for good"
            hasPassword={me.has_password}
            error={error}
            isPending={isPending}
            // a new document, so that nothing of the session stays in memory
            onConfirm={(password) =>
              remove(password, { onSuccess: () => window.location.assign("/login?done=deleted") })
            }
            onClose={close}
          >
            You leave all projects and are taken off your tasks. This cannot be undone. Projects that you own have to be
            transferred first.
          </ConfirmPassword>
        )}
      </Suspense>
    </Section>
  );
}
