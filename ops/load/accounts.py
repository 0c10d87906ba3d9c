"""Accounts for measuring sign-ins, beside those of the reference set, and names that nobody has."""

from __future__ import annotations

import random
import string

import asyncpg
import msgspec

from synergy_domain.demo import PASSWORD
from synergy_platform.passwords import PasswordHasher
from synergy_platform.settings import Settings

# names look alike whoever has them, so that nothing depends on their length or place in an index
_LENGTH = 14
_ADD = """
    INSERT INTO users (id, username, email, password_hash, first_name, last_name, role, timezone, locale, theme,
                       is_active, is_person_only, email_verified_at, created_at, updated_at)
    SELECT gen_random_uuid(), name, name || '@example.org', $2, 'Load', 'Test', 'member', 'UTC', 'en', 'system',
           $3, false, now(), now(), now()
    FROM unnest($1::text[]) AS name
"""


class Accounts(msgspec.Struct, frozen=True):
    """Usernames; those who can sign in have the password of the demo."""

    known: list[str]
    unknown: list[str]
    inactive: list[str]
    without_password: list[str]
    crowd: list[str]


async def add_accounts(settings: Settings, *, known: int, others: int, crowd: int) -> Accounts:
    """Make them: `known` of known and of unknown names, `others` that are inactive and that have no password."""
    rng = random.Random(20)  # noqa: S311 - the same names in every run
    sizes = {"known": known, "unknown": known, "inactive": others, "without_password": others, "crowd": crowd}
    names: set[str] = set()
    while len(names) < sum(sizes.values()):
        names.add("".join(rng.choices(string.ascii_lowercase, k=_LENGTH)))
    left = sorted(names)
    rng.shuffle(left)
    accounts = Accounts(**{kind: [left.pop() for _ in range(size)] for kind, size in sizes.items()})
    hasher = PasswordHasher()
    encoded = await hasher.hash(PASSWORD)
    hasher.close()
    connection = await asyncpg.connect(settings.database_url())
    try:
        await connection.execute(_ADD, [*accounts.known, *accounts.crowd], encoded, True)
        await connection.execute(_ADD, accounts.inactive, encoded, False)
        await connection.execute(_ADD, accounts.without_password, None, True)
        await connection.execute("ANALYZE users")
    finally:
        await connection.close()
    return accounts
