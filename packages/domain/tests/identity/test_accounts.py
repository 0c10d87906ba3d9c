"""Accounts: the verification mail, names."""

from __future__ import annotations

import email
import re
from email import policy

import msgspec
import pytest

from synergy_domain.identity import Client, Registration, create_account, my_profile, send_verification, verify_email
from synergy_domain.identity.names import name_faults
from synergy_platform.errors import InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime


async def test_verification_mail_has_a_link_that_verifies_the_address(runtime):
    name = f"v{new_id().hex[-10:]}"
    data = Registration(
        username=name, email=f"{name}@example.org", password="correct horse 7 battery", first_name="Ada", last_name="L"
    )
    user = await create_account(runtime, data, role="member", client=Client(None, None))
    assert user.email_verified_at is None
    async with runtime.database.unit_of_work() as uow:
        await send_verification(runtime, uow, {"user_id": str(user.id)})
    (mail,) = (runtime.settings.home_path / "mail").glob(f"verify-{user.id}-*.eml")
    message = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert message["To"] == user.email
    token = re.search(r"token=(\S+)", message.get_content())[1]
    for _ in range(2):
        async with runtime.database.unit_of_work() as uow:
            await verify_email(runtime, uow, token)
    async with runtime.database.unit_of_work() as uow:
        with pytest.raises(InvalidInput):
            await verify_email(runtime, uow, token[:-3])
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
    (mail,) = (runtime.settings.home_path / "mail").glob(f"verify-{user.id}-*.eml")
    message = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert "https://pm.example.org/verify-email?token=" in message.get_content()


async def test_profile_of_the_actor_is_their_own(make, runtime):
    actor = await make.user()
    assert (await my_profile(runtime.database.reader(), actor)).username == actor.username


@pytest.mark.parametrize("name", ["Anna", "O'Neil", "Jean-Luc", "María José", "李", "Анна", "हिन्दी", "O’Néill"])
def test_names_of_any_script_are_names(name):
    assert name_faults("/first_name", name) == []


@pytest.mark.parametrize("name", ["", "1", "a1", "<b>", "' -", "x\u0000", "a\tb", "😀"])
def test_other_things_are_no_names(name):
    assert name_faults("/first_name", name)
