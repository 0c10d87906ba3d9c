"""Signing in: growing delays, known devices, the same work for everybody; with a clock that the test turns."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from synergy_domain.identity import Client, Credentials, IssuedTokens, refresh, sign_in
from synergy_domain.identity.errors import InvalidRefreshToken, WrongCredentials
from synergy_domain.identity.known_devices import device_token, known_device
from synergy_domain.identity.throttle import DELAYS, delete_old_throttles, throttle_key
from synergy_platform.clock import SetClock
from synergy_platform.errors import TooManyRequests, Unavailable
from synergy_platform.ids import new_id
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit
from synergy_platform.tokens import JwtSigner
from synergy_testing.factories import PASSWORD, Factory

WRONG = "not the right 1"
NO_LIMIT = RateLimit(0, 1)


@pytest.fixture
async def rt(settings):
    """A runtime whose clock the test turns and that has no limits but the growing delays."""
    clock = SetClock(datetime.now(UTC))
    hasher = PasswordHasher(memory_kib=64, queue_size=100)
    free = msgspec.structs.replace(settings, rate_limit_login=NO_LIMIT)
    opened = Runtime(free, application="synergy-test", clock=clock, hasher=hasher)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def ada(rt):
    return await Factory(rt).user()


def somewhere() -> Client:
    """An address that nobody used."""
    return Client(f"2001:db8:{new_id().hex[-8:-4]}:{new_id().hex[-4:]}::1", "tests")


async def attempt(rt, name, password=WRONG, **fields):
    return await sign_in(rt, Credentials(identifier=name, password=password, **fields), somewhere())


async def fail(rt, name, times=1, **fields):
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            await attempt(rt, name, **fields)


async def wait_of(rt, name, password=WRONG, **fields) -> int:
    with pytest.raises(TooManyRequests) as refused:
        await attempt(rt, name, password, **fields)
    return int(refused.value.headers["Retry-After"])


def test_delays_double_up_to_a_quarter_of_an_hour():
    assert DELAYS[:6] == (0, 0, 0, 0, 0, 1)
    assert all(after == min(2 * before, 900) for before, after in itertools.pairwise(DELAYS[5:]))
    assert DELAYS[-1] == 900


@pytest.mark.parametrize("known", [True, False])
async def test_sign_in_wrong_waits_longer_each_time_for_a_name_that_somebody_has_or_nobody(rt, ada, known):
    name = ada.username if known else f"n{new_id().hex[-12:]}"
    await fail(rt, name, 5)
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900):
        assert await wait_of(rt, name) == wait
        # refused, it is not looked at, and the wait does not grow
        assert await wait_of(rt, name, PASSWORD) == wait
        rt.clock.advance(timedelta(seconds=wait))
        await fail(rt, name)
    rt.clock.advance(timedelta(seconds=900))
    if known:
        assert isinstance(await attempt(rt, name, PASSWORD), IssuedTokens)
        # it begins anew
        await fail(rt, name, 5)


async def test_sign_in_wrong_is_forgotten_after_a_day(rt, ada):
    await fail(rt, ada.username, 5)
    rt.clock.advance(timedelta(days=1, seconds=1))
    await fail(rt, ada.username, 5)
    assert await wait_of(rt, ada.username) == 1


async def test_cleanup_deletes_forgotten_failures(rt, ada):
    await fail(rt, ada.username)
    rt.clock.advance(timedelta(days=1, seconds=1))
    async with rt.database.unit_of_work() as uow:
        assert await delete_old_throttles(uow) >= 1
        assert await delete_old_throttles(uow) == 0


async def test_sign_in_many_at_once_is_looked_at_once_when_one_has_to_wait(rt, ada):
    await fail(rt, ada.username, 5)
    rt.clock.advance(timedelta(seconds=1))
    results = await asyncio.gather(*(attempt(rt, ada.username) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(result, WrongCredentials) for result in results) == 1
    assert sum(isinstance(result, TooManyRequests) for result in results) == 19


async def test_failures_of_other_spellings_of_a_name_count_together(rt, ada):
    await fail(rt, ada.username.upper(), 2)
    await fail(rt, f" {ada.username} ", 3)
    assert await wait_of(rt, ada.username) == 1


async def test_owner_on_a_known_device_is_not_held_up_by_strangers(rt, ada):
    device = (await attempt(rt, ada.username, PASSWORD)).device_id
    for _ in range(40):  # strangers fail all day
        with pytest.raises((WrongCredentials, TooManyRequests)):
            await attempt(rt, ada.username)
        rt.clock.advance(timedelta(minutes=15))
        issued = await attempt(rt, ada.username, PASSWORD, device_id=device)
        # the device keeps its name
        assert known_device(rt.keyring, issued.device_id, ada.user_id, now=rt.clock.now()) == known_device(
            rt.keyring, device, ada.user_id, now=rt.clock.now()
        )
    # they are held up all the same, and the owner's success does not forgive them
    await attempt_until_refused(rt, ada.username)
    assert isinstance(await attempt(rt, ada.username, PASSWORD, device_id=device), IssuedTokens)
    assert await wait_of(rt, ada.username, PASSWORD) > 0


async def attempt_until_refused(rt, name):
    for _ in range(20):
        try:
            await attempt(rt, name)
        except WrongCredentials:
            continue
        except TooManyRequests:
            return
    raise AssertionError


async def test_owner_with_a_refresh_token_is_not_held_up_by_strangers(rt, ada):
    issued = await attempt(rt, ada.username, PASSWORD)
    await attempt_until_refused(rt, ada.username)
    assert (await refresh(rt, issued.refresh_token, somewhere())).access_token


async def test_known_device_that_fails_waits_too(rt, ada):
    device = (await attempt(rt, ada.username, PASSWORD)).device_id
    await fail(rt, ada.username, 5, device_id=device)
    assert await wait_of(rt, ada.username, PASSWORD, device_id=device) == 1
    # and strangers do not, for what it did
    await fail(rt, ada.username)


async def test_device_of_somebody_else_is_a_stranger(rt, ada):
    bob = await Factory(rt).user()
    device = (await attempt(rt, bob.username, PASSWORD)).device_id
    await fail(rt, ada.username, 3, device_id=device)
    await fail(rt, ada.username, 2)
    assert await wait_of(rt, ada.username, device_id=device) == 1


def test_device_is_known_for_400_days_to_its_user_and_by_its_own_tokens_only(rt):
    user, other, device, now = new_id(), new_id(), new_id(), rt.clock.now()
    token = device_token(rt.keyring, user, device, now=now)
    assert known_device(rt.keyring, token, user, now=now + timedelta(days=399)) == device
    assert known_device(rt.keyring, token, user, now=now + timedelta(days=401)) is None
    access = JwtSigner(rt.keyring, "access").sign(
        {"sub": str(user), "jti": str(device)}, issued_at=now, expires_at=now + timedelta(days=1)
    )
    for given, whose in ((token, other), (token, None), (access, user), ("nonsense", user), (None, user), ("", user)):
        assert known_device(rt.keyring, given, whose, now=now) is None


async def test_address_that_fails_for_many_accounts_is_limited_and_an_office_is_not(rt):
    limited = Runtime(
        msgspec.structs.replace(rt.settings, rate_limit_login=RateLimit(1, 300)), application="synergy-test",
        hasher=PasswordHasher(memory_kib=64),
    )  # fmt: skip
    limited.database, make = rt.database, Factory(rt)
    office, attacker = somewhere(), somewhere()
    device = None
    try:
        for _ in range(30):
            issued = await sign_in(
                limited, Credentials(identifier=(await make.user()).username, password=PASSWORD), office
            )
        for _ in range(20):
            with pytest.raises(WrongCredentials):
                await sign_in(limited, Credentials(identifier=f"n{new_id().hex}", password=WRONG), attacker)
        ada = await make.user()
        good = Credentials(identifier=ada.username, password=PASSWORD)
        neighbour = Client(attacker.ip[:-1] + "2", "tests")  # of the same /64
        for client in (attacker, neighbour):
            with pytest.raises(TooManyRequests):
                await sign_in(limited, good, client)
        device = (await sign_in(limited, good, somewhere())).device_id
        good.device_id = device
        issued = await sign_in(limited, good, attacker)
        assert issued.user.id == ada.user_id
    finally:
        await limited.limiter.close()
        limited.hasher.close()


async def test_full_queue_of_hashes_refuses_and_counts_nothing(rt, ada):
    rt.hasher.close()
    rt.hasher = PasswordHasher(memory_kib=8192, queue_size=2)
    results = await asyncio.gather(*(attempt(rt, ada.username) for _ in range(12)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 10
    assert {error.headers["Retry-After"] for error in refused} == {"3"}
    failures = await rt.database.reader().value(
        "SELECT failures FROM login_throttles WHERE key_hash = $1",
        throttle_key(rt.keyring, "password", ada.username, None),
    )
    assert failures == 2


async def test_sign_in_that_waits_too_long_for_its_hash_is_refused_and_counts_nothing(rt, ada):
    rt.hasher.close()
    rt.hasher = PasswordHasher(memory_kib=64, max_wait=0)
    async with rt.hasher.place(), rt.hasher.place():
        with pytest.raises(Unavailable):
            await attempt(rt, ada.username)
    key = throttle_key(rt.keyring, "password", ada.username, None)
    count = "SELECT count(*) FROM login_throttles WHERE key_hash = $1"
    assert await rt.database.reader().value(count, key) == 0


async def test_sign_in_hashes_anew_when_the_parameters_were_raised(rt, ada):
    read = "SELECT password_hash FROM users WHERE id = $1"
    before = await rt.database.reader().value(read, ada.user_id)
    rt.hasher.close()
    rt.hasher = PasswordHasher(memory_kib=128)
    await fail(rt, ada.username)
    assert await rt.database.reader().value(read, ada.user_id) == before
    await attempt(rt, ada.username, PASSWORD)
    after = await rt.database.reader().value(read, ada.user_id)
    assert "m=128," in after
    await attempt(rt, ada.username, PASSWORD)
    assert await rt.database.reader().value(read, ada.user_id) == after


class SlowHasher(PasswordHasher):
    """Lets the test do something while a password is checked."""

    def __init__(self, meanwhile) -> None:
        super().__init__(memory_kib=64)
        self._meanwhile = meanwhile

    async def _verify(self, encoded, password):
        matches = await super()._verify(encoded, password)
        await self._meanwhile()
        return matches


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET password_hash = 'another', password_changed_at = now() WHERE id = $1",
        "UPDATE users SET is_active = false WHERE id = $1",
    ],
)
async def test_sign_in_whose_account_changes_meanwhile_is_refused(rt, ada, change):
    async def meanwhile():
        async with rt.database.unit_of_work() as uow:
            await uow.value(change, ada.user_id)

    rt.hasher.close()
    rt.hasher = SlowHasher(meanwhile)
    with pytest.raises(WrongCredentials):
        await attempt(rt, ada.username, PASSWORD)
    assert await rt.database.reader().value("SELECT count(*) FROM sessions WHERE user_id = $1", ada.user_id) == 0


@pytest.mark.parametrize("fields", [{}, {"is_active": False}, {"password_hash": None}, None])
async def test_sign_in_that_fails_costs_the_same_statements_and_one_hash_for_everybody(rt, counter, fields):
    name = f"n{new_id().hex[-12:]}" if fields is None else (await Factory(rt).user(**fields)).username
    hashes = 0
    verify = rt.hasher._argon2.verify

    class Counting:
        def verify(self, *args):
            nonlocal hashes
            hashes += 1
            return verify(*args)

    rt.hasher._argon2 = Counting()
    for password in (WRONG, PASSWORD) if fields != {} else (WRONG,):
        counter.statements.clear()
        hashes = 0
        await fail(rt, name, password=password)
        assert [statement.split()[0] for statement in counter.statements] == ["SELECT", "WITH", "INSERT"]
        assert hashes == 1
    reader = rt.database.reader()
    row = await reader.row("SELECT type, user_id FROM security_events WHERE username_tried = $1 LIMIT 1", name)
    assert row["type"] == "login_failed"
    assert (row["user_id"] is None) is (fields is None)


async def test_sign_in_notes_how_it_was_proved_and_whether_the_device_is_known(rt, ada):
    issued = await attempt(rt, ada.username, PASSWORD)
    await attempt(rt, ada.username, PASSWORD, device_id=issued.device_id)
    reader = rt.database.reader()
    rows = await reader.rows(
        "SELECT detail->>'known_device' AS known FROM security_events WHERE user_id = $1 ORDER BY id", ada.user_id
    )
    assert [row["known"] for row in rows] == ["false", "true"]
    methods = await reader.rows("SELECT methods FROM sessions WHERE user_id = $1", ada.user_id)
    assert [row["methods"] for row in methods] == [["password"]] * 2


async def test_refresh_of_a_role_that_needs_a_second_factor_ends_sessions_that_have_none(own_runtime):
    make = Factory(own_runtime)
    ada = await make.user(role="admin")
    issued = await sign_in(own_runtime, Credentials(identifier=ada.username, password=PASSWORD), somewhere())
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("INSERT INTO mfa_roles VALUES ('admin', now(), NULL)")
    with pytest.raises(InvalidRefreshToken):
        await refresh(own_runtime, issued.refresh_token, somewhere())
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE sessions SET methods = '{password,totp}' WHERE user_id = $1", ada.user_id)
    assert (await refresh(own_runtime, issued.refresh_token, somewhere())).access_token
