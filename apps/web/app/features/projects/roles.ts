import type { GrantableRole, Project, Role } from "~/lib/types";

const RANK: Record<Role, number> = { viewer: 0, member: 1, manager: 2, owner: 3 };

export const ROLE_NAMES: Record<Role, string> = {
  viewer: "Viewer",
  member: "Member",
  manager: "Manager",
  owner: "Owner",
};

type Membership = Pick<Project, "my_role" | "archived_at">;

/** Administrators see projects without a role of their own and may do everything in them. */
function rankOf({ my_role }: Membership): number {
  return my_role === null ? RANK.owner : RANK[my_role];
}

export function mayEditTasks(project: Membership): boolean {
  return project.archived_at === null && rankOf(project) >= RANK.member;
}

export function mayManage(project: Membership): boolean {
  return project.archived_at === null && rankOf(project) >= RANK.manager;
}

/** Who may transfer and delete the project. */
export function isOwner(project: Membership): boolean {
  return rankOf(project) === RANK.owner;
}

/** Webhooks of an archived project still send, so its managers see them too. */
export function maySeeWebhooks(project: Membership): boolean {
  return rankOf(project) >= RANK.manager;
}

/** Roles that a person may give: up to their own, and never owner, which is transferred. */
export function grantableRoles(project: Membership): GrantableRole[] {
  return (["viewer", "member", "manager"] as const).filter((role) => RANK[role] <= rankOf(project));
}
