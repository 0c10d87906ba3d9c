"""Events of projects."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from synergy_platform.events import Event


class ProjectCreated(Event, frozen=True, kw_only=True):
    """A project was made."""

    TYPE: ClassVar[str] = "project.created"
    OBJECT: ClassVar[str] = "project"

    key: str
    name: str


class ProjectUpdated(Event, frozen=True, kw_only=True):
    """Fields of a project changed; `changes` is field → [before, after]."""

    TYPE: ClassVar[str] = "project.updated"
    OBJECT: ClassVar[str] = "project"

    name: str
    project_version: int
    changes: dict[str, list[Any]]


class ProjectArchivedEvent(Event, frozen=True, kw_only=True):
    """A project became read-only."""

    TYPE: ClassVar[str] = "project.archived"
    OBJECT: ClassVar[str] = "project"

    name: str


class ProjectUnarchived(Event, frozen=True, kw_only=True):
    """An archived project may change again."""

    TYPE: ClassVar[str] = "project.unarchived"
    OBJECT: ClassVar[str] = "project"

    name: str


class ProjectTransferred(Event, frozen=True, kw_only=True):
    """A project has another owner."""

    TYPE: ClassVar[str] = "project.transferred"
    OBJECT: ClassVar[str] = "project"

    name: str
    from_user_id: UUID
    to_user_id: UUID


class ProjectDeleted(Event, frozen=True, kw_only=True):
    """A project went to the trash."""

    TYPE: ClassVar[str] = "project.deleted"
    OBJECT: ClassVar[str] = "project"

    key: str
    name: str


class MemberAdded(Event, frozen=True, kw_only=True):
    """Somebody joined a project; the object is the user."""

    TYPE: ClassVar[str] = "member.added"
    OBJECT: ClassVar[str] = "user"

    username: str
    role: str


class MemberInvited(Event, frozen=True, kw_only=True):
    """Somebody was invited by mail; the object is the invitation. Every member reads this: the address is masked."""

    TYPE: ClassVar[str] = "member.invited"
    OBJECT: ClassVar[str] = "invitation"

    email: str
    role: str


class InvitationRevoked(Event, frozen=True, kw_only=True):
    """An invitation was withdrawn."""

    TYPE: ClassVar[str] = "invitation.revoked"
    OBJECT: ClassVar[str] = "invitation"

    email: str
    role: str


class MemberJoined(Event, frozen=True, kw_only=True):
    """Somebody accepted an invitation; the object is the user."""

    TYPE: ClassVar[str] = "member.joined"
    OBJECT: ClassVar[str] = "user"

    username: str
    role: str


class MemberUpdated(Event, frozen=True, kw_only=True):
    """Somebody has another role."""

    TYPE: ClassVar[str] = "member.updated"
    OBJECT: ClassVar[str] = "user"

    username: str
    from_role: str
    role: str


class MemberRemoved(Event, frozen=True, kw_only=True):
    """Somebody left a project or was removed."""

    TYPE: ClassVar[str] = "member.removed"
    OBJECT: ClassVar[str] = "user"

    username: str
    role: str
