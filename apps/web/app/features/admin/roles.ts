import type { AdminUserView } from "@synergy/client";

/** What somebody is in the whole installation; projects have roles of their own. */
export type GlobalRole = AdminUserView["role"];

export const ROLE_LABELS: Record<GlobalRole, string> = { member: "Member", manager: "Manager", admin: "Administrator" };

export const GLOBAL_ROLES = Object.keys(ROLE_LABELS) as GlobalRole[];
