import { useSuspenseQuery } from "@tanstack/react-query";
import { Section } from "~/components/ui/section";
import { useSetMfaRoles } from "~/features/admin/mutations";
import { mfaRolesQuery } from "~/features/admin/queries";
import { GLOBAL_ROLES, ROLE_LABELS } from "~/features/admin/roles";

/** Which roles need a second factor. */
export function MfaRoles() {
  const { data: roles } = useSuspenseQuery(mfaRolesQuery);
  const { mutate: save } = useSetMfaRoles();
  return (
    <Section
      title="Who needs a second factor"
      intro="From their next sign-in on. Who has not set one up gets a code by mail."
    >
      <fieldset className="flex flex-wrap gap-x-6 gap-y-1 p-3">
        <legend className="sr-only">Who needs a second factor</legend>
        {GLOBAL_ROLES.map((role) => (
          <label key={role} className="flex min-h-7 items-center gap-2.5 touch:min-h-11">
            <input
              type="checkbox"
              className="size-3.5 accent-accent touch:size-5"
              checked={roles.includes(role)}
              onChange={(event) =>
                save(event.target.checked ? [...roles, role] : roles.filter((other) => other !== role))
              }
            />
            {ROLE_LABELS[role]}s
          </label>
        ))}
      </fieldset>
    </Section>
  );
}
