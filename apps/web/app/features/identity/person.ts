import type { AdminUserView } from "@synergy/client";

type Account = Pick<AdminUserView, "id" | "first_name" | "last_name" | "avatar_url">;

/** An account as pictures and lines show people. */
export const personOf = ({ id, first_name, last_name, avatar_url }: Account) => ({
  id,
  name: `${first_name} ${last_name}`,
  avatar_url,
});
