"""`synergy reset-mfa` and `synergy require-mfa`, as an operator types them."""

from __future__ import annotations

import pytest

from synergy_testing.command import synergy_on
from synergy_testing.factories import Factory


@pytest.fixture
def synergy(own_settings):
    return synergy_on(own_settings)


async def test_reset_mfa_turns_off_the_factors_of_the_account_that_is_named(synergy, own_runtime):
    make, reader = Factory(own_runtime), own_runtime.database.reader()
    now = own_runtime.clock.now()
    ada, bob = [await make.user(email_mfa_at=now, totp_secret=b"x", totp_confirmed_at=now) for _ in range(2)]
    status, _, err = await synergy("reset-mfa", f"{ada.username}@Example.org")
    assert status == 0, err
    assert f"{ada.username} has no second factor any more." in err
    left = await reader.rows("SELECT id FROM users WHERE email_mfa_at IS NOT NULL AND totp_confirmed_at IS NOT NULL")
    assert [row["id"] for row in left] == [bob.user_id]
    row = await reader.row("SELECT type, user_id, detail->>'by' AS by FROM security_events")
    assert tuple(row) == ("mfa_disabled", ada.user_id, "operator")
    status, _, err = await synergy("reset-mfa", "nobody-at-all")
    assert (status, "There is no such user." in err) == (1, True)


async def test_require_mfa_sets_the_roles_and_without_one_nobody_needs_it(synergy, own_runtime):
    for roles, told in ((["admin", "manager"], "admin, manager"), ([], "nobody")):
        status, _, err = await synergy("require-mfa", *roles)
        assert status == 0, err
        assert f"A second factor is needed by: {told}." in err
        rows = await own_runtime.database.reader().rows("SELECT role FROM mfa_roles ORDER BY role")
        assert [row["role"] for row in rows] == roles
    assert (await synergy("require-mfa", "owner"))[0] == 2
