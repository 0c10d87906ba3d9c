"""Projects: what they are, who is in them, who may do what."""

from synergy_domain.projects import policy
from synergy_domain.projects.contracts import (
    GrantableRole,
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
from synergy_domain.projects.keys import propose_key
from synergy_domain.projects.members import (
    add_member,
    change_member,
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
    "ACCESS_COLUMNS", "SORTS", "Access", "GrantableRole", "MemberChange", "MemberInput", "MemberView", "Priority",
    "ProjectChange", "ProjectInput", "ProjectQuery", "ProjectRole", "ProjectSettings", "ProjectStatus", "ProjectView",
    "Transfer", "access_to", "add_member", "archive_project", "change_member", "change_project", "count_change",
    "create_project", "delete_project", "get_person", "get_project", "list_members", "list_people", "list_projects",
    "policy", "propose_key", "remove_member", "require", "to_access", "transfer_project", "unarchive_project",
]  # fmt: skip
