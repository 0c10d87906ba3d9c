"""Two-factor over HTTP: turning factors on and off, and signing in with them."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from synergy_platform.passwords import PasswordHasher
from synergy_platform.settings import RateLimit
from synergy_platform.tokens import hash_token
from synergy_testing.factories import PASSWORD
from synergy_testing.mfa import OWN, Person, events_of, mailed_code, told, update
from synergy_testing.post import Post


@pytest.fixture
async def person(api, make, runtime):
    async def make_person(**fields) -> Person:
        user = await make.user(**fields)
        return Person(api, runtime, user, await api.as_(user))

    return make_person


async def test_set_up_totp_gives_a_secret_and_its_first_code_turns_it_on(person, runtime):
    ada = await person()
    begun = (await ada.caller.post("/me/mfa/totp", OWN)).json()
    assert begun["otpauth_uri"].startswith(f"otpauth://totp/SynergyOS:{ada.user.username}?secret={begun['secret']}")
    assert begun["qr_svg"].startswith("<svg")
    # not on yet: the password is enough
    assert (await ada.login()).json()["access_token"]
    ada.secret = begun["secret"]
    wrong = await ada.caller.post("/me/mfa/totp/confirm", {"code": f"{(int(ada.code()) + 1) % 1_000_000:06}"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "wrong_code")
    right = await ada.caller.post("/me/mfa/totp/confirm", {"code": ada.code()})
    assert len(set(right.json()["recovery_codes"])) == 10
    # 140 bits: enough to be stored as a hash that is quickly made
    form = re.compile(r"([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}")
    assert all(form.fullmatch(code) for code in right.json()["recovery_codes"])
    assert right.headers["cache-control"] == "no-store"
    view = (await ada.caller.get("/me/mfa")).json()
    assert view == {"totp": True, "email": False, "recovery_codes_left": 10, "required": False}
    stored = await runtime.database.reader().row("SELECT * FROM users WHERE id = $1", ada.user.user_id)
    assert begun["secret"].encode() not in stored["totp_secret"]
    again = await ada.caller.post("/me/mfa/totp", OWN)
    assert (again.status_code, again.json()["code"]) == (409, "factor_on_already")
    assert await told(runtime, ada.user) == ["totp_on"]
    assert "mfa_enabled" in await events_of(runtime, ada.user)


async def test_confirm_totp_before_it_was_begun_is_a_conflict(person):
    ada = await person()
    answer = await ada.caller.post("/me/mfa/totp/confirm", {"code": "123456"})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_confirm")


async def test_login_with_totp_has_neither_token_nor_session_before_the_code(person, runtime):
    ada = await (await person()).turn_totp_on()
    count = "SELECT count(*) FROM sessions WHERE user_id = $1"
    before = await runtime.database.reader().value(count, ada.user.user_id)
    answer = await ada.login(deliver="cookie")
    body = answer.json()
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert body["methods"] == ["totp", "recovery_code"]
    assert {name for name, value in body.items() if value} == {"token_type", "mfa_required", "mfa_token", "methods"}
    assert await runtime.database.reader().value(count, ada.user.user_id) == before
    # the token of the half sign-in opens nothing
    assert (await ada.caller.get("/me", headers={"Authorization": f"Bearer {body['mfa_token']}"})).status_code == 401
    assert (await ada.api.anonymous.post("/auth/refresh", {"refresh_token": body["mfa_token"]})).status_code == 401

    done = await ada.verify(body["mfa_token"], ada.code())
    assert done.status_code == 200, done.text
    tokens = done.json()
    assert (tokens["mfa_required"], tokens["mfa_token"], tokens["methods"]) == (False, None, None)
    assert tokens["device_id"]
    me = await ada.api.anonymous.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["id"] == str(ada.user.user_id)
    methods = await runtime.database.reader().value(
        "SELECT methods FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1", ada.user.user_id
    )
    assert methods == ["password", "totp"]


async def test_verify_can_deliver_cookies(person):
    ada = await (await person()).turn_totp_on()
    answer = await ada.verify(await ada.challenge(), ada.code(), deliver="cookie")
    names = {cookie.split("=")[0] for cookie in answer.headers.get_list("set-cookie")}
    assert names == {"synergy_access", "synergy_refresh", "synergy_device"}
    assert answer.json()["access_token"] is None


async def test_totp_code_twice_is_refused(person):
    ada = await (await person()).turn_totp_on()
    code = ada.code()
    assert (await ada.verify(await ada.challenge(), code)).status_code == 200
    again = await ada.verify(await ada.challenge(), code)
    assert (again.status_code, again.json()["code"]) == (401, "wrong_code")
    # nor one of a step before it
    assert (await ada.verify(await ada.challenge(), ada.code(-1))).status_code == 401
    assert (await ada.verify(await ada.challenge(), ada.code(1))).status_code == 200


async def test_totp_code_that_turned_it_on_does_not_sign_in(person):
    ada = await person()
    ada.secret = (await ada.caller.post("/me/mfa/totp", OWN)).json()["secret"]
    code = ada.code()
    assert (await ada.caller.post("/me/mfa/totp/confirm", {"code": code})).status_code == 200
    assert (await ada.verify(await ada.challenge(), code)).status_code == 401


async def test_totp_code_of_more_than_a_step_away_is_wrong(person):
    ada = await (await person()).turn_totp_on()
    for steps in (-3, 3):
        assert (await ada.verify(await ada.challenge(), ada.code(steps))).status_code == 401


async def test_two_verifies_of_the_same_code_at_once_make_one_session(person, runtime):
    ada = await (await person()).turn_totp_on()
    code = ada.code()
    tokens = [await ada.challenge() for _ in range(2)]
    for pair in (tokens, [await ada.challenge()] * 2):
        answers = await asyncio.gather(*(ada.verify(token, code) for token in pair))
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        code = ada.code(1)
    made = [kind for kind in await events_of(runtime, ada.user) if kind == "login_success"]
    assert len(made) == 2


async def test_recovery_code_twice_is_refused_however_it_is_typed(person, runtime):
    ada = await (await person()).turn_totp_on()
    code = ada.codes[3]
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert (await ada.verify(await ada.challenge(), typed, "recovery_code")).status_code == 200
    assert (await ada.verify(await ada.challenge(), code, "recovery_code")).status_code == 401
    assert (await ada.caller.get("/me/mfa")).json()["recovery_codes_left"] == 9
    assert await told(runtime, ada.user) == ["totp_on", "recovery_code_used"]


async def test_recovery_code_outlives_the_key_of_the_installation(person, runtime, settings, api_with):
    """It is kept for years, and keys are taken off the list."""
    ada = await (await person()).turn_totp_on()
    client = api_with(msgspec.structs.replace(settings, secret_keys=("another key that is long enough to sign",)))
    body = {"identifier": ada.user.username, "password": PASSWORD}
    token = (await client.post("/api/v1/auth/login", json=body)).json()["mfa_token"]
    factor = {"mfa_token": token, "method": "recovery_code", "code": ada.codes[0]}
    assert (await client.post("/api/v1/auth/mfa/verify", json=factor)).status_code == 200


async def test_recovery_code_of_somebody_else_is_refused(person):
    ada, bob = await (await person()).turn_totp_on(), await (await person()).turn_totp_on()
    assert (await ada.verify(await ada.challenge(), bob.codes[0], "recovery_code")).status_code == 401
    assert (await bob.verify(await bob.challenge(), bob.codes[0], "recovery_code")).status_code == 200


async def test_renewed_recovery_codes_void_the_old_ones(person):
    ada = await (await person()).turn_totp_on()
    renewed = (await ada.caller.post("/me/mfa/recovery-codes", OWN)).json()["recovery_codes"]
    assert len(renewed) == 10
    assert (await ada.verify(await ada.challenge(), ada.codes[0], "recovery_code")).status_code == 401
    assert (await ada.verify(await ada.challenge(), renewed[0], "recovery_code")).status_code == 200


async def test_recovery_codes_without_a_factor_are_a_conflict(person):
    ada = await person()
    answer = await ada.caller.post("/me/mfa/recovery-codes", OWN)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_second_factor")


async def test_second_factor_leaves_the_recovery_codes_alone(person):
    ada = await (await person()).turn_totp_on()
    codes = ada.codes
    await ada.turn_email_on()
    assert ada.codes is None
    assert (await ada.login()).json()["methods"] == ["totp", "email", "recovery_code"]
    assert (await ada.verify(await ada.challenge(), codes[0], "recovery_code")).status_code == 200


async def test_email_code_signs_in_once(person, runtime):
    ada = await (await person()).turn_email_on()
    token = await ada.challenge()
    assert (await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token})).status_code == 204
    code = await mailed_code(runtime, ada.user)
    assert code not in str(await runtime.database.reader().rows("SELECT * FROM email_codes"))
    assert (await ada.verify(token, code, "email")).status_code == 200
    assert (await ada.verify(token, code, "email")).json()["code"] == "invalid_mfa_token"
    assert (await ada.verify(await ada.challenge(), code, "email")).json()["code"] == "wrong_code"


async def test_email_code_is_for_the_sign_in_that_asked_for_it(person, runtime):
    ada = await (await person()).turn_email_on()
    mine, other = await ada.challenge(), await ada.challenge()
    await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": mine})
    code = await mailed_code(runtime, ada.user)
    assert (await ada.verify(other, code, "email")).status_code == 401
    assert (await ada.verify(mine, code, "email")).status_code == 200


async def test_email_code_after_five_tries_is_void(person, runtime):
    ada = await (await person()).turn_email_on()
    token = await ada.challenge()
    await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token})
    code = await mailed_code(runtime, ada.user)
    await update(runtime, "UPDATE email_codes SET attempts = 4 WHERE user_id = $1", ada.user.user_id)
    assert (await ada.verify(token, "000000" if code != "000000" else "1", "email")).status_code == 401
    assert (await ada.verify(token, code, "email")).status_code == 401


async def test_email_code_after_ten_minutes_is_void(person, runtime):
    ada = await (await person()).turn_email_on()
    token = await ada.challenge()
    await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token})
    code = await mailed_code(runtime, ada.user)
    row = await runtime.database.reader().row("SELECT * FROM email_codes WHERE user_id = $1", ada.user.user_id)
    assert row["expires_at"] - row["created_at"] == timedelta(minutes=10)
    await update(runtime, "UPDATE email_codes SET expires_at = now() WHERE user_id = $1", ada.user.user_id)
    assert (await ada.verify(token, code, "email")).status_code == 401


async def test_email_code_is_mailed_once_a_minute(person, runtime):
    ada = await (await person()).turn_email_on()
    token = await ada.challenge()
    answers = await asyncio.gather(*(ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 429, 429, 429, 429]
    late = await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token})
    assert late.json()["code"] == "code_just_sent"
    assert 0 < int(late.headers["retry-after"]) <= 60
    await update(
        runtime, "UPDATE email_codes SET created_at = created_at - interval '61 s' WHERE user_id = $1",
        ada.user.user_id,
    )  # fmt: skip
    assert (await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": token})).status_code == 204
    kinds = await Post(runtime).kinds(f"{ada.user.username}@example.org")
    # one turned it on; of the first to sign in nobody saw the code before a newer one was asked for
    assert kinds.count("mfa_code") == 2
    assert (await ada.verify(token, await mailed_code(runtime, ada.user), "email")).status_code == 200


async def test_email_code_to_turn_it_on_counts_wrong_tries(person, runtime):
    ada = await person()
    await ada.caller.post("/me/mfa/email", OWN)
    code = await mailed_code(runtime, ada.user)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    # a code of another session does not turn it on, and counts
    other = await ada.api.as_(ada.user)
    assert (await other.post("/me/mfa/email/confirm", {"code": code})).status_code == 422
    statuses = [(await ada.caller.post("/me/mfa/email/confirm", {"code": wrong})).status_code for _ in range(4)]
    assert statuses == [422] * 4
    assert (await ada.caller.post("/me/mfa/email/confirm", {"code": code})).status_code == 422
    assert (await ada.caller.get("/me/mfa")).json()["email"] is False


async def test_email_without_an_address_is_a_conflict(person):
    ada = await person(email=None)
    answer = await ada.caller.post("/me/mfa/email", OWN)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_email_address")


@pytest.mark.parametrize("path", ["totp", "email", "recovery-codes"])
async def test_factors_are_changed_with_the_right_password_only(person, path):
    ada = await (await person()).turn_totp_on()
    for password, code in (("not the right 1", "wrong_password"), (None, "required")):
        methods = ["POST"] if path == "recovery-codes" else ["POST", "DELETE"]
        for method in methods:
            answer = await ada.caller.request(method, f"/me/mfa/{path}", json={"password": password})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert (await ada.caller.get("/me/mfa")).json()["totp"] is True


async def test_account_without_a_password_needs_a_young_session(person, runtime):
    ada = await person()
    await update(runtime, "UPDATE users SET password_hash = NULL WHERE id = $1", ada.user.user_id)
    assert (await ada.caller.post("/me/mfa/totp", {"password": None})).status_code == 200
    await update(
        runtime, "UPDATE sessions SET created_at = created_at - interval '11 min' WHERE user_id = $1", ada.user.user_id
    )
    answer = await ada.caller.post("/me/mfa/totp", {"password": None})
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")


async def test_wrong_password_of_a_session_is_limited(person):
    ada = await person()
    statuses = [(await ada.caller.post("/me/mfa/totp", {"password": "wrong 123"})).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    # another session of the same user is not held up
    assert (await (await ada.api.as_(ada.user)).post("/me/mfa/totp", OWN)).status_code == 200


async def test_turn_off_forgets_the_factor_and_its_codes(person, runtime):
    ada = await (await person()).turn_totp_on()
    waiting = await ada.challenge()
    assert (await ada.caller.request("DELETE", "/me/mfa/totp", json=OWN)).status_code == 204
    assert (await ada.verify(waiting, ada.code())).json()["code"] == "invalid_mfa_token"
    assert (await ada.login()).json()["access_token"]
    row = await runtime.database.reader().row(
        """SELECT totp_secret, (SELECT count(*) FROM recovery_codes WHERE user_id = $1) AS codes
           FROM users WHERE id = $1""",
        ada.user.user_id,
    )
    assert tuple(row) == (None, 0)
    # again, and nothing happens
    assert (await ada.caller.request("DELETE", "/me/mfa/totp", json=OWN)).status_code == 204
    assert (await events_of(runtime, ada.user)).count("mfa_disabled") == 1
    assert await told(runtime, ada.user) == ["totp_on", "totp_off"]


async def test_challenge_of_somebody_else_or_none_is_refused(person):
    ada, bob = await (await person()).turn_totp_on(), await (await person()).turn_totp_on()
    # Bob's code does not complete Ada's sign-in
    assert (await ada.verify(await ada.challenge(), bob.code())).json()["code"] == "wrong_code"
    for token in ("nonsense", "x" * 43):
        for path, body in (("verify", {"method": "totp", "code": bob.code()}), ("email", {})):
            answer = await bob.api.anonymous.post(f"/auth/mfa/{path}", {"mfa_token": token, **body})
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_mfa_token")


async def test_challenge_after_ten_minutes_is_over(person, runtime):
    ada = await (await person()).turn_totp_on()
    token = await ada.challenge()
    row = await runtime.database.reader().row(
        "SELECT created_at, expires_at FROM mfa_challenges WHERE token_hash = $1", hash_token(token)
    )
    assert row["expires_at"] - row["created_at"] == timedelta(minutes=10)
    await update(
        runtime, "UPDATE mfa_challenges SET expires_at = $2 WHERE token_hash = $1", hash_token(token), datetime.now(UTC)
    )
    assert (await ada.verify(token, ada.code())).json()["code"] == "invalid_mfa_token"


async def test_method_that_was_not_offered_is_refused(person):
    ada = await (await person()).turn_totp_on()
    answer = await ada.verify(await ada.challenge(), "123456", "email")
    assert (answer.status_code, answer.json()["code"]) == (403, "method_not_offered")
    mailed = await ada.api.anonymous.post("/auth/mfa/email", {"mfa_token": await ada.challenge()})
    assert (mailed.status_code, mailed.json()["code"]) == (403, "method_not_offered")


async def test_user_deactivated_between_the_factors_is_refused(person, runtime):
    ada = await (await person()).turn_totp_on()
    token = await ada.challenge()
    await update(runtime, "UPDATE users SET is_active = false WHERE id = $1", ada.user.user_id)
    assert (await ada.verify(token, ada.code())).json()["code"] == "invalid_mfa_token"


async def test_wrong_codes_are_limited_and_recorded(person, runtime):
    ada = await (await person()).turn_totp_on()
    token = await ada.challenge()
    statuses = [(await ada.verify(token, "abcdef")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert (await events_of(runtime, ada.user)).count("mfa_failed") == 5
    # who takes over another challenge is counted with it
    assert (await ada.verify(await ada.challenge(), ada.code())).status_code == 429


async def test_unusual_codes_are_wrong_and_no_fault_of_ours(person):
    ada = await (await person()).turn_totp_on()
    for code in ("１２３４５６", "٠١٢٣٤٥", "-1", "💥", "a\u0000b"):
        for method in ("totp", "recovery_code"):
            answer = await ada.verify(await ada.challenge(), code, method)
            assert answer.status_code in {401, 429}, answer.text


async def test_two_factor_is_not_for_personal_tokens_or_nobody(api):
    for method, path in (("GET", "/me/mfa"), ("POST", "/me/mfa/totp"), ("GET", "/admin/mfa-roles")):
        assert (await api.anonymous.request(method, path, json={} if method == "POST" else None)).status_code == 401


async def test_queue_of_hashes_that_is_full_answers_503(api_with, settings, make):
    user = await make.user()
    client = api_with(msgspec.structs.replace(settings, rate_limit_login=RateLimit(0, 1)))
    own = client._transport.app.state.runtime
    own.hasher.close()
    own.hasher = PasswordHasher(memory_kib=8192, queue_size=2)
    body = {"identifier": user.username, "password": PASSWORD}
    answers = await asyncio.gather(*(client.post("/api/v1/auth/login", json=body) for _ in range(10)))
    await own.limiter.close()
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [503] * 8
    full = next(answer for answer in answers if answer.status_code == 503)
    assert (full.headers["retry-after"], full.json()["code"]) == ("3", "unavailable")
