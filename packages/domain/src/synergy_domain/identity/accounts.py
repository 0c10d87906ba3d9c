"""Accounts: registration, one's own profile."""

from __future__ import annotations

import zoneinfo
from functools import cache
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.exc import IntegrityError

from synergy_domain.common.actor import Actor, GlobalRole
from synergy_domain.common.versions import expect_version
from synergy_domain.identity import policy, repository
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import (
    OidcProviderView,
    ProfileChange,
    Registration,
    SignInOptions,
    UserView,
)
from synergy_domain.identity.emails import SEND_VERIFICATION
from synergy_domain.identity.errors import AlreadyTaken, EmailNotVerified, RegistrationClosed
from synergy_domain.identity.events import UserRegistered
from synergy_domain.identity.models import User
from synergy_domain.identity.names import clean_name, name_faults
from synergy_domain.identity.passwords import password_faults
from synergy_platform.addresses import client_network
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput, NotFound
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)


async def register(runtime: Runtime, data: Registration, client: Client) -> UserView:
    """Make an account and send the verification mail; the caller may sign in at once."""
    require_registration(runtime, invited=False)
    await runtime.limiter.hit("register", runtime.settings.rate_limit_register, client_network(client.ip))
    user = await create_account(runtime, data, role="member", client=client)
    log.info("identity.registered", user_id=str(user.id))
    return user


def sign_in_options(runtime: Runtime) -> SignInOptions:
    """What a visitor may do here."""
    providers = [
        OidcProviderView(id=provider.id, name=provider.name, start_url=f"/api/v1/auth/oidc/{provider.id}/start")
        for provider in runtime.settings.oidc_providers
    ]
    return SignInOptions(registration=runtime.settings.registration_mode, oidc_providers=providers)


def require_registration(runtime: Runtime, *, invited: bool) -> None:
    """Raise RegistrationClosed where an account may not be made."""
    mode = runtime.settings.registration_mode
    if not policy.may_register(mode, invited=invited):
        raise RegistrationClosed(mode)


async def create_account(runtime: Runtime, data: Registration, *, role: GlobalRole, client: Client) -> UserView:
    """Make an account with any role; raises InvalidInput or AlreadyTaken."""
    account = await prepare_account(runtime, data)
    try:
        async with runtime.database.unit_of_work() as uow:
            return await add_account(uow, account, role=role, client=client)
    except IntegrityError:
        # somebody else took it between the look and the insert
        await check_taken(runtime.database.reader(), account)
        raise


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A registration that was checked, its password hashed; `at` is where it stands in the body, for pointers.

    `provider` is who vouches for somebody without a password.
    """

    username: str
    email: str
    password_hash: str | None
    first_name: str
    last_name: str
    at: str = ""
    provider: str | None = None


async def prepare_account(runtime: Runtime, data: Registration, *, at: str = "") -> NewAccount:
    """Check a registration and hash its password, outside a transaction; raises InvalidInput or AlreadyTaken."""
    first, last = clean_name(data.first_name), clean_name(data.last_name)
    faults = [*name_faults("/first_name", first), *name_faults("/last_name", last)]
    faults += password_faults(data.password, about_user=[data.username, data.email, first, last])
    if faults:
        raise InvalidInput([InputFault(f"{at}{fault.pointer}", fault.code, fault.detail) for fault in faults])
    account = NewAccount(
        username=data.username, email=data.email, password_hash="", first_name=first, last_name=last, at=at
    )
    await check_taken(runtime.database.reader(), account)
    return msgspec.structs.replace(account, password_hash=await runtime.hasher.hash(data.password))


async def add_account(
    uow: UnitOfWork, account: NewAccount, *, role: GlobalRole, client: Client, email_proved: bool = False
) -> UserView:
    """Store an account; a mail goes out to verify the address, unless that is proved already.

    Raises IntegrityError when somebody else took a name meanwhile: `check_taken` says which, after the transaction.
    """
    user = User(
        username=account.username, email=account.email, password_hash=account.password_hash,
        first_name=account.first_name, last_name=account.last_name, role=role,
        email_verified_at=uow.now if email_proved else None, created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    uow.session.add(user)
    await uow.flush()
    repository.add_security_event(
        uow, "registration", user_id=user.id, ip=client.ip, user_agent=client.user_agent,
        detail={"role": role} | ({"provider": account.provider} if account.provider else {}),
    )  # fmt: skip
    uow.emit(UserRegistered(object_id=user.id, recipient_id=user.id, username=user.username), by=user.id)
    if not email_proved:
        uow.enqueue(SEND_VERIFICATION, {"user_id": str(user.id)})
    return await _view(uow, user.id)


async def check_taken(db: Reader, account: NewAccount) -> None:
    """Raise AlreadyTaken when somebody has the username or the address."""
    refuse_taken(await repository.taken(db, account.username, account.email), at=account.at)


def refuse_taken(names: list[str], *, at: str = "") -> None:
    """Raise AlreadyTaken that names `username`, `email` or both; nothing when neither is taken."""
    if not names:
        return
    words = {"username": "This username", "email": "This email address"}
    faults = [
        {"pointer": f"{at}/{name}", "code": "already_taken", "detail": f"{words[name]} is taken."} for name in names
    ]
    raise AlreadyTaken(" ".join(fault["detail"] for fault in faults), extra={"errors": faults})


async def require_verified_email(db: Reader, actor: Actor) -> None:
    """Raise EmailNotVerified for whoever may not reach others yet; see `policy.may_reach_out`."""
    verified = await db.value("SELECT email_verified_at IS NOT NULL FROM users WHERE id = $1", actor.user_id)
    if not policy.may_reach_out(email_verified=verified, is_admin=actor.is_admin):
        raise EmailNotVerified


async def my_profile(db: Reader, actor: Actor) -> UserView:
    """The actor's own account."""
    return await _view(db, actor.user_id)


async def change_profile(
    uow: UnitOfWork, actor: Actor, data: ProfileChange, *, expected_version: int | None = None
) -> UserView:
    """Change what was sent; raises InvalidInput, and PreconditionFailed when the version is another than expected."""
    user = await repository.Users(session=uow.session).get(actor.user_id, with_for_update=True)
    await expect_version("user", user.version, expected_version, lambda: _view(uow, actor.user_id))
    faults: list[InputFault] = []
    for field, value in msgspec.structs.asdict(data).items():
        if value is msgspec.UNSET:
            continue
        if field in {"first_name", "last_name"}:
            cleaned = clean_name(str(value))
            faults += name_faults(f"/{field}", cleaned)
            setattr(user, field, cleaned)
        elif field == "timezone" and value not in _timezones():
            faults.append(InputFault("/timezone", "unknown_timezone", "is not an IANA time zone such as Europe/Vienna"))
        else:
            setattr(user, field, value)
    if faults:
        raise InvalidInput(faults)
    if uow.session.is_modified(user):
        user.updated_at = uow.now
        user.version += 1
        await uow.flush()
    return await _view(uow, actor.user_id)


@cache
def _timezones() -> frozenset[str]:
    # what some systems call their own zone is none of IANA's, and the database does not know it; Factory is no place
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


async def _view(db: Reader, user_id: UUID) -> UserView:
    user = await repository.find_user(db, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user
