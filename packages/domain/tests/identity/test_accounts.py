"""Accounts: the verification mail, names."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage

import msgspec
import pytest

from synergy_domain.identity import (
    Client,
    ProfileChange,
    Registration,
    change_profile,
    create_account,
    my_profile,
    send_verification,
    verify_email,
)
from synergy_domain.identity.names import name_faults
from synergy_platform.errors import InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.mail.outbox import send_mail
from synergy_platform.runtime import Runtime


async def sent_mail(runtime: Runtime, user_id) -> EmailMessage:
    """Do the job that sends the user's mail; what landed in the folder."""
    mail_id = await runtime.database.reader().value("SELECT id FROM mails WHERE recipient_id = $1", user_id)
    finish = await send_mail(runtime, {"mail_id": str(mail_id)}, 1)
    async with runtime.database.unit_of_work() as uow:
        assert await finish(uow) is None
    content = (runtime.settings.home_path / "mail" / f"{mail_id}.eml").read_bytes()
    return email.message_from_bytes(content, policy=policy.default)


async def test_verification_mail_has_a_link_that_verifies_the_address(runtime):
    name = f"v{new_id().hex[-10:]}"
    data = Registration(
        username=name, email=f"{name}@example.org", password="correct horse 7 battery", first_name="Ada", last_name="L"
    )
    user = await create_account(runtime, data, role="member", client=Client(None, None))
    assert user.email_verified_at is None
    async with runtime.database.unit_of_work() as uow:
        await send_verification(runtime, uow, {"user_id": str(user.id)})
    message = await sent_mail(runtime, user.id)
    assert message["To"] == user.email
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    token = re.search(r"token=(\S+)", text)[1]
    assert f'verify-email#token={token}"' in html
    # it signs nobody in, but it proves an address: it is not kept
    kept = await runtime.database.reader().row("SELECT text, html FROM mails WHERE recipient_id = $1", user.id)
    assert tuple(kept) == (None, None)
    for _ in range(2):
        await verify_email(runtime, token, Client(None, None))
    with pytest.raises(InvalidInput):
        await verify_email(runtime, token[:-3], Client(None, None))
    verified = await runtime.database.reader().value("SELECT email_verified_at FROM users WHERE id = $1", user.id)
    assert verified is not None


async def test_verification_mail_links_to_the_public_address(runtime, settings):
    elsewhere = Runtime(
        msgspec.structs.replace(settings, public_url="https://pm.example.org"), application="synergy-test"
    )
    elsewhere.database = runtime.database
    data = Registration(
        username=f"v{new_id().hex[-10:]}", email=f"{new_id().hex[-10:]}@example.org", first_name="Ada", last_name="L",
        password="correct horse 7 battery",
    )  # fmt: skip
    user = await create_account(runtime, data, role="member", client=Client(None, None))
    async with runtime.database.unit_of_work() as uow:
        await send_verification(elsewhere, uow, {"user_id": str(user.id)})
    message = await sent_mail(runtime, user.id)
    assert "https://pm.example.org/verify-email#token=" in message.get_body(("plain",)).get_content()


@pytest.mark.parametrize("zone", ["localtime", "Europe/Atlantis", ""])
async def test_profile_takes_no_zone_that_the_database_does_not_know(make, runtime, zone):
    actor = await make.user()
    async with runtime.database.unit_of_work() as uow:
        with pytest.raises(InvalidInput):
            await change_profile(uow, actor, ProfileChange(timezone=zone))


async def test_profile_of_the_actor_is_their_own(make, runtime):
    actor = await make.user()
    assert (await my_profile(runtime.database.reader(), actor)).username == actor.username


@pytest.mark.parametrize("name", ["Anna", "O'Neil", "Jean-Luc", "María José", "李", "Анна", "हिन्दी", "O’Néill"])
def test_names_of_any_script_are_names(name):
    assert name_faults("/first_name", name) == []


@pytest.mark.parametrize("name", ["", "1", "a1", "<b>", "' -", "x\u0000", "a\tb", "😀"])
def test_other_things_are_no_names(name):
    assert name_faults("/first_name", name)
