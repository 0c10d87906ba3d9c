"""What managers do with invitations.

An invitation is good as long as whoever sent it could still send it: it ends with their account, with their place in
the project, and with their right to invite. Another manager sends it again, and it is theirs from then on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from synergy_domain.common import Actor
from synergy_domain.identity import require_verified_email
from synergy_domain.mails import render_mail
from synergy_domain.projects import policy
from synergy_domain.projects.contracts import InvitationInput, InvitationView
from synergy_domain.projects.errors import AlreadyInvited, InvitationNotFound, TooManyInvitations
from synergy_domain.projects.events import InvitationRevoked, MemberInvited
from synergy_domain.projects.invitations import repository
from synergy_domain.projects.invitations.repository import OpenInvitation
from synergy_domain.projects.models import Invitation
from synergy_domain.projects.service import access_to, require
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import TooManyRequests
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit
from synergy_platform.tokens import hash_token, new_opaque_token

SEND_INVITATION = "projects.send_invitation"
LIFETIME = timedelta(days=7)
SENT_AGAIN_AFTER = timedelta(minutes=1)
MOST_OPEN = 200
# what one account may send in an hour, and what one address may get in a day, from whomever
_BY_INVITER = RateLimit(50, 3600)
_TO_ADDRESS = RateLimit(10, 86_400)


async def list_invitations(db: Reader, actor: Actor, project_id: UUID, now: datetime) -> list[InvitationView]:
    """The invitations of a project that nobody has accepted, the newest first; managers and owners."""
    access = await access_to(db, actor, project_id)
    require(access, policy.may_manage(access.role), "see its invitations", on_archived=True)
    return [invitation.view(now) for invitation in await repository.list_open(db, project_id)]


async def invite(
    runtime: Runtime, uow: UnitOfWork, actor: Actor, project_id: UUID, data: InvitationInput
) -> InvitationView:
    """Mail somebody a link into the project. The answer is the same whether they have an account or not."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_grant(access.role, data.role), f"invite people as {data.role}")
    await require_verified_email(uow, actor)
    present = await repository.lock_open_to(uow, project_id, data.email)
    if present is not None:
        if present.view(uow.now).state == "open":
            raise AlreadyInvited
        await repository.revoke(uow, present.id)
    if await repository.count_open(uow, project_id) >= MOST_OPEN:
        raise TooManyInvitations(MOST_OPEN)
    await _count(runtime, actor, data.email)
    invitation = Invitation(
        id=new_id(), project_id=project_id, email=data.email, role=data.role, token_hash=_no_token(),
        invited_by=actor.user_id, created_at=uow.now, sent_at=uow.now, expires_at=uow.now + LIFETIME,
    )  # fmt: skip
    uow.session.add(invitation)
    try:
        await uow.flush()
    except IntegrityError:
        raise AlreadyInvited from None
    return _sent(uow, actor, await _locked(uow, project_id, invitation.id))


async def resend_invitation(
    runtime: Runtime, uow: UnitOfWork, actor: Actor, project_id: UUID, invitation_id: UUID
) -> InvitationView:
    """Mail a new link, good for seven days again; the one before is void. At most once a minute."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "send invitations")
    await require_verified_email(uow, actor)
    invitation = await _locked(uow, project_id, invitation_id)
    require(access, policy.may_grant(access.role, invitation.role), f"invite people as {invitation.role}")
    wait = invitation.sent_at + SENT_AGAIN_AFTER - uow.now
    if wait > timedelta(0):
        seconds = int(wait.total_seconds()) + 1
        raise TooManyRequests(f"It was sent just now. Try again in {seconds} seconds.", retry_after=seconds)
    await _count(runtime, actor, invitation.email)
    await repository.renew(
        uow, invitation_id, token_hash=_no_token(), invited_by=actor.user_id, expires_at=uow.now + LIFETIME
    )
    return _sent(uow, actor, await _locked(uow, project_id, invitation_id))


async def revoke_invitation(uow: UnitOfWork, actor: Actor, project_id: UUID, invitation_id: UUID) -> None:
    """Withdraw an invitation: its link is void."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "revoke invitations", on_archived=True)
    invitation = await _locked(uow, project_id, invitation_id)
    require(access, policy.may_grant(access.role, invitation.role), "revoke this invitation", on_archived=True)
    await repository.revoke(uow, invitation_id)
    event = InvitationRevoked(
        object_id=invitation_id, project_id=project_id, email=_masked(invitation.email), role=invitation.role
    )
    uow.emit(event, by=actor.user_id)


async def send_invitation(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: make the link and mail it.

    It has its token in the fragment, which browsers send to no server: no log and no Referer shows it.
    """
    invitation = await repository.lock_for_sending(uow, UUID(payload["invitation_id"]))
    if invitation is None or not invitation.stands:
        return
    addressee = await repository.find_addressee(uow, invitation.email)
    if not addressee.wants_mail:
        return
    token = new_opaque_token()
    await repository.set_token(uow, invitation.id, hash_token(token))
    subject = f"{invitation.inviter.name} invited you to {invitation.project_name}"
    context = {
        "subject": subject,
        "inviter": invitation.inviter.name,
        "project": invitation.project_name,
        "role": invitation.role,
        "link": f"{runtime.settings.public_url.rstrip('/')}/invitations#token={token}",
        "days": LIFETIME.days,
    }
    parts = render_mail("invitation", context)
    mail = Mail(
        to=invitation.email, subject=subject, text=parts.text, html=parts.html, kind="invitation",
        recipient_id=addressee.user_id, written_at=uow.now,
    )  # fmt: skip
    await queue_mail(runtime, uow, mail)


async def _locked(uow: UnitOfWork, project_id: UUID, invitation_id: UUID) -> OpenInvitation:
    invitation = await repository.lock_open(uow, project_id, invitation_id)
    if invitation is None:
        raise InvitationNotFound
    return invitation


async def _count(runtime: Runtime, actor: Actor, email: str) -> None:
    """Nobody sends spam with it; raises TooManyRequests."""
    await runtime.limiter.hit("invite", _BY_INVITER, str(actor.user_id))
    await runtime.limiter.hit("invite_address", _TO_ADDRESS, email.lower())


def _no_token() -> bytes:
    """A hash that no link has: the job that mails the link makes its token, so that no job's payload holds one."""
    return hash_token(new_opaque_token())


def _sent(uow: UnitOfWork, actor: Actor, invitation: OpenInvitation) -> InvitationView:
    """Have the mail sent, and tell of it."""
    uow.enqueue(SEND_INVITATION, {"invitation_id": str(invitation.id)})
    event = MemberInvited(
        object_id=invitation.id, project_id=invitation.project_id, email=_masked(invitation.email), role=invitation.role
    )
    uow.emit(event, by=actor.user_id)
    return invitation.view(uow.now)


def _masked(email: str) -> str:
    """`g…@example.org`: every member sees it, only managers the address itself."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
