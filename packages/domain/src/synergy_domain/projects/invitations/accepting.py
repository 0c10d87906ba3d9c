"""What the person who was invited does with the link: look at it, and accept it.

The link's token is the secret: whoever has it may accept, signed in as whomever. Somebody who is signed in, and has
confirmed the address that was invited, may give the invitation's id in its place: that is what a notification names.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import IntegrityError

from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import AccountExists, Client, Registration, UserView
from synergy_domain.projects import repository as projects
from synergy_domain.projects.contracts import (
    AcceptedInvitation,
    InvitationAcceptance,
    InvitationPreview,
    InvitedRegistration,
)
from synergy_domain.projects.errors import InvitationExpired, InvitationNotFound, ProjectArchived
from synergy_domain.projects.events import MemberJoined, MemberUpdated
from synergy_domain.projects.invitations import repository
from synergy_domain.projects.invitations.repository import OpenInvitation
from synergy_domain.projects.policy import at_least
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput, NotAuthenticated
from synergy_platform.ids import parse_id
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import hash_token

log = structlog.stdlib.get_logger(__name__)


async def preview_invitation(runtime: Runtime, token: str, actor: Actor | None) -> InvitationPreview:
    """What a link invites to; raises InvitationNotFound or InvitationExpired."""
    db = runtime.database.reader()
    invitation = await _find(runtime, db, token, actor)
    return InvitationPreview(
        project_name=invitation.project_name,
        inviter=invitation.inviter.name,
        email=invitation.email,
        role=invitation.role,
        account_exists=(await repository.find_addressee(db, invitation.email)).user_id is not None,
        expires_at=invitation.expires_at,
    )


async def accept_invitation(
    runtime: Runtime, token: str, actor: Actor | None, data: InvitationAcceptance, client: Client
) -> AcceptedInvitation:
    """Join the project with the account one is signed in as, or with a new one; the invitation is used up.

    Raises InvitationNotFound and InvitationExpired; ProjectArchived; for a new account RegistrationClosed,
    AccountExists, AlreadyTaken and InvalidInput; and NotAuthenticated for nobody with nothing.
    """
    if actor is not None:
        if data.registration is not None:
            raise InvalidInput.at("/registration", "you are signed in: leave it out, or sign out first", "signed_in")
        accepted = await _join_as(runtime, token, actor)
    elif data.registration is not None:
        accepted = await _register(runtime, token, data.registration, client)
    else:
        raise NotAuthenticated("Sign in, or send a registration.")
    log.info(
        "invitation.accepted",
        project_id=str(accepted.project_id), user_id=str(accepted.user.id), registered=actor is None,
    )  # fmt: skip
    return accepted


async def _join_as(runtime: Runtime, token: str, actor: Actor) -> AcceptedInvitation:
    async with runtime.database.unit_of_work() as uow:
        found = await _find(runtime, uow, token, actor)
        # the order in which changes of members lock too: first the member, then the invitation
        await projects.lock_member_role(uow, found.project_id, actor.user_id)
        invitation = await _find(runtime, uow, token, actor, lock=True)
        await repository.prove_address(uow, actor.user_id, invitation.email)
        return await _join(uow, invitation, await identity.my_profile(uow, actor))


async def _register(runtime: Runtime, token: str, data: InvitedRegistration, client: Client) -> AcceptedInvitation:
    """The account and its place in the project, both or neither. That the mail was read proves the address."""
    db = runtime.database.reader()
    invitation = await _find(runtime, db, token, None)
    identity.require_registration(runtime, invited=True)
    await _refuse_existing(db, invitation)
    registration = Registration(
        username=data.username, email=invitation.email, password=data.password, first_name=data.first_name,
        last_name=data.last_name,
    )  # fmt: skip
    account = await identity.prepare_account(runtime, registration, at="/registration")
    try:
        async with runtime.database.unit_of_work() as uow:
            invitation = await _find(runtime, uow, token, None, lock=True)
            user = await identity.add_account(uow, account, role="member", client=client, email_proved=True)
            return await _join(uow, invitation, user)
    except IntegrityError:
        # somebody else took a name meanwhile
        await _refuse_existing(db, invitation)
        await identity.check_taken(db, account)
        raise


async def _refuse_existing(db: Reader, invitation: OpenInvitation) -> None:
    if (await repository.find_addressee(db, invitation.email)).user_id is not None:
        raise AccountExists


async def _find(runtime: Runtime, db: Reader, token: str, actor: Actor | None, *, lock: bool = False) -> OpenInvitation:
    invitation_id = parse_id(token)
    if invitation_id is None:
        invitation = await repository.find_by_token(db, hash_token(token), lock=lock)
    elif actor is not None:
        invitation = await repository.find_own(db, invitation_id, actor.user_id, lock=lock)
    else:
        invitation = None
    if invitation is None or not invitation.stands:
        raise InvitationNotFound
    if invitation.expires_at <= runtime.clock.now():
        raise InvitationExpired
    return invitation


async def _join(uow: UnitOfWork, invitation: OpenInvitation, user: UserView) -> AcceptedInvitation:
    """Put them into the project. A member keeps the higher of the two roles."""
    if invitation.is_archived:
        raise ProjectArchived
    project_id = invitation.project_id
    present = await projects.join(uow, project_id, user.id, invitation.role, invitation.inviter.id)
    if present is None:
        joined = MemberJoined(object_id=user.id, project_id=project_id, username=user.username, role=invitation.role)
        uow.emit(joined, by=user.id)
    elif not at_least(present, invitation.role):
        await projects.set_member_role(uow, project_id, user.id, invitation.role)
        raised = MemberUpdated(
            object_id=user.id, project_id=project_id, username=user.username, from_role=present, role=invitation.role
        )
        uow.emit(raised, by=invitation.inviter.id)
    await repository.mark_accepted(uow, invitation.id, user.id)
    return AcceptedInvitation(project_id=project_id, project_key=invitation.project_key, user=user)
