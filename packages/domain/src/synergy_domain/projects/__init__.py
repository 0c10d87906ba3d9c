"""Projects: what they are, who is in them, who may do what."""

from synergy_domain.projects import policy
from synergy_domain.projects.audit import record_admin_access
from synergy_domain.projects.contracts import (
    AcceptedInvitation,
    GrantableRole,
    InvitationAcceptance,
    InvitationInput,
    InvitationPreview,
    InvitationView,
    InvitedRegistration,
    MemberChange,
    MemberInput,
    MemberView,
    Priority,
    ProjectChange,
    ProjectInput,
    ProjectQuery,
    ProjectRole,
    ProjectSettings,
    ProjectStatus,
    ProjectView,
    Transfer,
)
from synergy_domain.projects.events import MemberAdded, MemberRemoved, MemberUpdated, ProjectTransferred
from synergy_domain.projects.invitations import (
    SEND_INVITATION,
    accept_invitation,
    delete_old_invitations,
    invite,
    list_invitations,
    preview_invitation,
    resend_invitation,
    revoke_invitation,
    send_invitation,
)
from synergy_domain.projects.keys import propose_key
from synergy_domain.projects.members import (
    add_member,
    change_member,
    find_avatar,
    get_person,
    list_members,
    list_people,
    remove_member,
)
from synergy_domain.projects.repository import ACCESS_COLUMNS, SORTS, Access, count_change, to_access
from synergy_domain.projects.service import (
    access_to,
    archive_project,
    change_project,
    create_project,
    delete_project,
    get_project,
    list_projects,
    require,
    transfer_project,
    unarchive_project,
)

__all__ = [
    "ACCESS_COLUMNS", "SEND_INVITATION", "SORTS", "AcceptedInvitation", "Access", "GrantableRole",
    "InvitationAcceptance", "InvitationInput", "InvitationPreview", "InvitationView", "InvitedRegistration",
    "MemberAdded", "MemberChange", "MemberInput", "MemberRemoved", "MemberUpdated", "MemberView", "Priority",
    "ProjectChange", "ProjectInput", "ProjectQuery", "ProjectRole", "ProjectSettings", "ProjectStatus",
    "ProjectTransferred", "ProjectView", "Transfer", "accept_invitation", "access_to", "add_member", "archive_project",
    "change_member", "change_project", "count_change", "create_project", "delete_old_invitations", "delete_project",
    "find_avatar", "get_person", "get_project", "invite", "list_invitations", "list_members", "list_people",
    "list_projects", "policy", "preview_invitation", "propose_key", "record_admin_access", "remove_member", "require",
    "resend_invitation", "revoke_invitation", "send_invitation", "to_access", "transfer_project", "unarchive_project",
]  # fmt: skip
