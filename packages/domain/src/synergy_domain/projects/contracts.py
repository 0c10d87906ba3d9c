"""What projects take and give."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from synergy_domain.common.contracts import END, Line, PersonView
from synergy_domain.identity import Email, Name, NewPassword, Username, UserView

ProjectStatus = Literal["planning", "active", "on_hold", "completed", "cancelled"]
Priority = Literal["low", "medium", "high", "urgent"]
ProjectRole = Literal["viewer", "member", "manager", "owner"]
GrantableRole = Literal["viewer", "member", "manager"]

Key = Annotated[
    str,
    msgspec.Meta(
        min_length=2, max_length=6, pattern=r"^[A-Z][A-Z0-9]*" + END,
        description="Capital letters A-Z and digits, first a letter",
    ),
]  # fmt: skip
ProjectName = Annotated[Line, msgspec.Meta(min_length=1, max_length=200)]
LongText = Annotated[str, msgspec.Meta(max_length=100_000)]
Color = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}" + END, description="A colour such as #2563eb")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}" + END, description="A currency of ISO 4217 such as EUR")]
Money = Annotated[
    Decimal, msgspec.Meta(description="Decimal string with at most 10 digits before and 2 after the point")
]


class ProjectSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Rules that hold in a project."""

    enforce_dependencies: bool = False
    proof_required: bool = False


class ProjectInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new project; without a key one is made from the name."""

    name: ProjectName
    key: Key | None = None
    description: LongText = ""
    status: ProjectStatus = "planning"
    priority: Priority = "medium"
    start_date: date | None = None
    end_date: date | None = None
    budget: Money | None = None
    currency: Currency | None = None
    color: Color | None = None
    settings: ProjectSettings | None = None


class ProjectChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of a project; absent fields stay."""

    name: ProjectName | msgspec.UnsetType = msgspec.UNSET
    key: Key | msgspec.UnsetType = msgspec.UNSET
    description: LongText | msgspec.UnsetType = msgspec.UNSET
    status: ProjectStatus | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    start_date: date | msgspec.UnsetType | None = msgspec.UNSET
    end_date: date | msgspec.UnsetType | None = msgspec.UNSET
    budget: Money | msgspec.UnsetType | None = msgspec.UNSET
    currency: Currency | msgspec.UnsetType | None = msgspec.UNSET
    color: Color | msgspec.UnsetType | None = msgspec.UNSET
    settings: ProjectSettings | msgspec.UnsetType = msgspec.UNSET


class ProjectView(msgspec.Struct, kw_only=True):
    """A project. `progress` in percent; `my_role` is null for an admin who is no member."""

    id: UUID
    key: str
    name: str
    description: str
    description_html: str
    status: ProjectStatus
    priority: Priority
    owner: PersonView
    start_date: date | None
    end_date: date | None
    budget: Money | None
    currency: str | None
    color: str | None
    settings: ProjectSettings
    progress: int
    tasks_total: int
    tasks_done: int
    my_role: ProjectRole | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class MemberPersonView(PersonView, kw_only=True):
    """A person, with the address of their picture."""

    avatar_url: str | None


class MemberView(msgspec.Struct, kw_only=True):
    """A member of a project."""

    user: MemberPersonView
    role: ProjectRole
    is_active: bool
    joined_at: datetime
    added_by: UUID | None
    version: int


class MemberInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody to add."""

    user_id: UUID
    role: GrantableRole = "member"


class MemberChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another role for a member."""

    role: GrantableRole


class Transfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The member who becomes the owner."""

    user_id: UUID


class InvitationInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody to ask into a project by mail."""

    email: Email
    role: GrantableRole = "member"


class InvitationView(msgspec.Struct, kw_only=True):
    """An invitation that nobody has accepted.

    `expired`: its link is no longer good, since its seven days are over or since who sent it may not invite any more.
    Sending it again makes it good again.
    """

    id: UUID
    email: str
    role: GrantableRole
    invited_by: PersonView
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    state: Literal["open", "expired"]


class InvitationPreview(msgspec.Struct, kw_only=True):
    """What a link invites to; `account_exists`: somebody with the address has an account, and signs in to accept."""

    project_name: str
    inviter: str
    email: str
    role: GrantableRole
    account_exists: bool
    expires_at: datetime


class InvitedRegistration(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The account of somebody who was invited; its address is the one that the invitation was sent to."""

    username: Username
    password: NewPassword
    first_name: Name
    last_name: Name


class InvitationAcceptance(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Nothing for whoever is signed in; else a new account."""

    registration: InvitedRegistration | None = None


class AcceptedInvitation(msgspec.Struct, kw_only=True):
    """Where one has arrived, and as whom."""

    project_id: UUID
    project_key: str
    user: UserView


class ProjectQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of projects; `everything` is for admins."""

    status: frozenset[ProjectStatus] = frozenset()
    priority: frozenset[Priority] = frozenset()
    archived: bool = False
    text: str | None = None
    everything: bool = False
    sort: str = "-updated_at"
    cursor: str | None = None
    limit: int = 50
    count: bool = False
