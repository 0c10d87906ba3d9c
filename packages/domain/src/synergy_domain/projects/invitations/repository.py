"""All SQL of invitations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import PersonView
from synergy_domain.projects import policy
from synergy_domain.projects.contracts import GrantableRole, InvitationView, ProjectRole
from synergy_platform.database import Reader, UnitOfWork

# an admin who is no member counts as the owner, as everywhere
_OPEN = """
    SELECT i.id, i.project_id, i.email, i.role, i.created_at, i.sent_at, i.expires_at, p.key AS project_key,
           p.name AS project_name, p.archived_at IS NOT NULL AS is_archived, u.id AS inviter_id,
           u.username AS inviter_username, u.first_name || ' ' || u.last_name AS inviter_name,
           CASE WHEN u.is_active THEN coalesce(m.role, CASE WHEN u.role = 'admin' THEN 'owner' END) END AS inviter_role
    FROM invitations i
    JOIN projects p ON p.id = i.project_id AND p.deleted_at IS NULL
    JOIN users u ON u.id = i.invited_by
    LEFT JOIN project_members m ON m.project_id = i.project_id AND m.user_id = i.invited_by
    WHERE i.accepted_at IS NULL AND i.revoked_at IS NULL
"""
_LOCKED = "FOR NO KEY UPDATE OF i"


class OpenInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that was neither accepted nor revoked; `inviter_role` is what the inviter is in the project now."""

    id: UUID
    project_id: UUID
    project_key: str
    project_name: str
    is_archived: bool
    email: str
    role: GrantableRole
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    inviter: PersonView
    inviter_role: ProjectRole | None

    @property
    def stands(self) -> bool:
        """Whether its sender could still send it."""
        return policy.invitation_stands(self.inviter_role, self.role)

    def view(self, now: datetime) -> InvitationView:
        """As managers see it."""
        return InvitationView(
            id=self.id,
            email=self.email,
            role=self.role,
            invited_by=self.inviter,
            created_at=self.created_at,
            sent_at=self.sent_at,
            expires_at=self.expires_at,
            state="open" if self.stands and self.expires_at > now else "expired",
        )


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the address of an invitation, if anybody, and whether the mail is wanted."""

    user_id: UUID | None
    wants_mail: bool


async def list_open(db: Reader, project_id: UUID) -> list[OpenInvitation]:
    """The open invitations of a project, the newest first."""
    rows = await db.rows(f"{_OPEN} AND i.project_id = $1 ORDER BY i.created_at DESC, i.id DESC", project_id)
    return [_to_invitation(row) for row in rows]


async def count_open(db: Reader, project_id: UUID) -> int:
    """How many are open."""
    return await db.value(
        "SELECT count(*) FROM invitations WHERE project_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
        project_id,
    )


async def lock_open(uow: UnitOfWork, project_id: UUID, invitation_id: UUID) -> OpenInvitation | None:
    """An open invitation of a project, its row locked."""
    row = await uow.row(f"{_OPEN} AND i.project_id = $1 AND i.id = $2 {_LOCKED}", project_id, invitation_id)
    return _to_invitation(row) if row else None


async def lock_open_to(uow: UnitOfWork, project_id: UUID, email: str) -> OpenInvitation | None:
    """The open invitation to an address, its row locked."""
    row = await uow.row(f"{_OPEN} AND i.project_id = $1 AND lower(i.email) = lower($2) {_LOCKED}", project_id, email)
    return _to_invitation(row) if row else None


async def lock_for_sending(uow: UnitOfWork, invitation_id: UUID) -> OpenInvitation | None:
    """An open invitation, its row locked: for the job that mails it."""
    row = await uow.row(f"{_OPEN} AND i.id = $1 {_LOCKED}", invitation_id)
    return _to_invitation(row) if row else None


async def find_by_token(db: Reader, token_hash: bytes, *, lock: bool = False) -> OpenInvitation | None:
    """The open invitation whose link has this token."""
    row = await db.row(f"{_OPEN} AND i.token_hash = $1 {_LOCKED if lock else ''}", token_hash)
    return _to_invitation(row) if row else None


async def find_own(db: Reader, invitation_id: UUID, user_id: UUID, *, lock: bool = False) -> OpenInvitation | None:
    """An open invitation to the address that the user has confirmed."""
    row = await db.row(
        f"""{_OPEN} AND i.id = $1 AND EXISTS (
              SELECT 1 FROM users a
              WHERE a.id = $2 AND lower(a.email) = lower(i.email) AND a.email_verified_at IS NOT NULL)
            {_LOCKED if lock else ""}""",
        invitation_id, user_id,
    )  # fmt: skip
    return _to_invitation(row) if row else None


async def find_addressee(db: Reader, email: str) -> Addressee:
    """Who has this address. Whoever has confirmed it may have switched mails of invitations off."""
    row = await db.row(
        """SELECT u.id, u.email_verified_at IS NULL
                        OR coalesce((p.channels -> 'invitation' ->> 'email')::boolean, true) AS wants_mail
           FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id WHERE lower(u.email) = lower($1)""",
        email,
    )
    if row is None:
        return Addressee(user_id=None, wants_mail=True)
    return Addressee(user_id=row["id"], wants_mail=row["wants_mail"])


async def renew(
    uow: UnitOfWork, invitation_id: UUID, *, token_hash: bytes, invited_by: UUID, expires_at: datetime
) -> None:
    """Let it run anew, in the name of whoever sends it now; the link before is void."""
    await uow.value(
        "UPDATE invitations SET token_hash = $2, invited_by = $3, expires_at = $4, sent_at = $5 WHERE id = $1",
        invitation_id, token_hash, invited_by, expires_at, uow.now,
    )  # fmt: skip


async def set_token(uow: UnitOfWork, invitation_id: UUID, token_hash: bytes) -> None:
    """The hash of the token that its link has from now on."""
    await uow.value("UPDATE invitations SET token_hash = $2 WHERE id = $1", invitation_id, token_hash)


async def mark_accepted(uow: UnitOfWork, invitation_id: UUID, user_id: UUID) -> None:
    """It is used up."""
    await uow.value(
        "UPDATE invitations SET accepted_at = $2, accepted_by = $3 WHERE id = $1", invitation_id, uow.now, user_id
    )


async def revoke(uow: UnitOfWork, invitation_id: UUID) -> None:
    """Withdraw it."""
    await uow.value("UPDATE invitations SET revoked_at = $2 WHERE id = $1", invitation_id, uow.now)


async def revoke_to(uow: UnitOfWork, project_id: UUID, user_id: UUID) -> None:
    """Withdraw what was sent to a member's address."""
    await uow.value(
        """UPDATE invitations SET revoked_at = $3 WHERE project_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL
             AND lower(email) = (SELECT lower(email) FROM users WHERE id = $2)""",
        project_id, user_id, uow.now,
    )  # fmt: skip


async def prove_address(uow: UnitOfWork, user_id: UUID, email: str) -> None:
    """The user has got a mail at this address: if it is theirs, it is confirmed."""
    await uow.value(
        """UPDATE users SET email_verified_at = $3, updated_at = $3
           WHERE id = $1 AND lower(email) = lower($2) AND email_verified_at IS NULL""",
        user_id, email, uow.now,
    )  # fmt: skip


async def delete_old_invitations(uow: UnitOfWork, before: datetime) -> int:
    """Delete those that ended before that; returns how many."""
    return await uow.value(
        """WITH gone AS (DELETE FROM invitations WHERE least(expires_at, accepted_at, revoked_at) < $1 RETURNING 1)
           SELECT count(*) FROM gone""",
        before,
    )


def _to_invitation(row: asyncpg.Record) -> OpenInvitation:
    return OpenInvitation(
        id=row["id"],
        project_id=row["project_id"],
        project_key=row["project_key"],
        project_name=row["project_name"],
        is_archived=row["is_archived"],
        email=row["email"],
        role=row["role"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        expires_at=row["expires_at"],
        inviter=PersonView(id=row["inviter_id"], username=row["inviter_username"], name=row["inviter_name"]),
        inviter_role=row["inviter_role"],
    )
