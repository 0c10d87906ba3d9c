"""Two-factor that a role needs, and who decides that."""

from __future__ import annotations

import httpx
import pytest

from synergy_domain.identity import Client
from synergy_domain.identity.sessions import begin_session
from synergy_testing.factories import PASSWORD, Factory
from synergy_testing.fixtures import Api, quick_app
from synergy_testing.mfa import OWN, Person, mailed_code


@pytest.fixture
async def strict(own_runtime):
    """The API of an installation where every role needs a second factor, and a way to make its users."""
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("INSERT INTO mfa_roles SELECT r, now(), NULL FROM unnest('{member,manager,admin}'::text[]) r")
    app = quick_app(own_runtime)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://synergy.test") as client:
        make = Factory(own_runtime)
        yield Api(client, make), make, own_runtime


async def test_role_that_needs_a_factor_gets_a_code_by_mail_which_proves_the_address(strict):
    api, make, runtime = strict
    user = await make.user()
    ada = Person(api, runtime, user, await api.as_(user))
    assert (await ada.caller.get("/me/mfa")).json()["required"] is True
    answer = (await ada.login()).json()
    assert (answer["mfa_required"], answer["methods"]) == (True, ["email"])
    assert (await api.anonymous.post("/auth/mfa/email", {"mfa_token": answer["mfa_token"]})).status_code == 204
    done = await ada.verify(answer["mfa_token"], await mailed_code(runtime, user), "email")
    assert done.json()["user"]["email_verified_at"] is not None
    # such a session may be refreshed
    refreshed = await api.anonymous.post("/auth/refresh", {"refresh_token": done.json()["refresh_token"]})
    assert refreshed.status_code == 200


async def test_role_that_needs_a_factor_without_an_address_is_refused(strict):
    api, make, _ = strict
    user = await make.user(email=None)
    answer = await api.anonymous.post("/auth/login", {"identifier": user.username, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    # who does not know the password does not learn that
    wrong = await api.anonymous.post("/auth/login", {"identifier": user.username, "password": "not the right 1"})
    assert wrong.json()["code"] == "wrong_credentials"


async def test_last_factor_of_a_role_that_needs_one_stays_on(strict):
    api, make, runtime = strict
    user = await make.user()
    ada = await Person(api, runtime, user, await api.as_(user)).turn_totp_on()
    refused = await ada.caller.request("DELETE", "/me/mfa/totp", json=OWN)
    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_required")
    await ada.turn_email_on()
    assert (await ada.caller.request("DELETE", "/me/mfa/totp", json=OWN)).status_code == 204
    refused = await ada.caller.request("DELETE", "/me/mfa/email", json=OWN)
    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_required")
    assert (await ada.caller.get("/me/mfa")).json()["recovery_codes_left"] == 10


async def test_factor_set_up_in_a_session_proves_it_for_the_session(strict):
    api, make, runtime = strict
    user = await make.user()
    async with runtime.database.unit_of_work() as uow:
        issued = await begin_session(runtime, uow, user.user_id, Client("127.0.0.1", "tests"), methods=["password"])
    ada = Person(api, runtime, user, api.anonymous)
    ada.caller.headers = {"Authorization": f"Bearer {issued.access_token}"}
    assert (await api.anonymous.post("/auth/refresh", {"refresh_token": issued.refresh_token})).status_code == 401
    await ada.turn_totp_on()
    assert (await api.anonymous.post("/auth/refresh", {"refresh_token": issued.refresh_token})).status_code == 200


async def test_admin_decides_which_roles_need_a_factor(own_runtime):
    transport = httpx.ASGITransport(app=quick_app(own_runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://synergy.test") as client:
        make = Factory(own_runtime)
        api, user = Api(client, make), await make.user(role="admin")
        admin = await api.as_(user)
        assert (await admin.get("/admin/mfa-roles")).json() == {"roles": []}
        for roles, stored in ((["manager", "admin", "admin"], ["admin", "manager"]), (["member"],) * 2, ([], [])):
            answer = await admin.request("PUT", "/admin/mfa-roles", json={"roles": roles})
            assert (answer.status_code, answer.json()) == (200, {"roles": stored})
        assert (await admin.request("PUT", "/admin/mfa-roles", json={"roles": ["owner"]})).status_code == 422
        rows = await own_runtime.database.reader().rows(
            "SELECT type, detail->'roles' AS roles FROM security_events WHERE user_id = $1 ORDER BY id", user.user_id
        )
        changes = [(row["type"], row["roles"]) for row in rows]
        assert changes == [
            ("mfa_enabled", '["admin", "manager"]'), ("mfa_enabled", '["member"]'),
            ("mfa_disabled", '["admin", "manager"]'), ("mfa_disabled", '["member"]'),
        ]  # fmt: skip
