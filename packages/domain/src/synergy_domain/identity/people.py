"""People without an account: an import makes them, they can be assigned and quoted, and nobody signs in as them.

Linking one to a real account later moves everything to it.
"""

from __future__ import annotations

import re
import unicodedata
from uuid import UUID

import msgspec
from sqlalchemy import insert

from synergy_domain.identity.models import User
from synergy_domain.identity.names import clean_name
from synergy_platform.database import UnitOfWork

_USERNAME_MIN, _USERNAME_MAX, _NAME_MAX = 3, 30, 50
_NUMBERED = 20
# a name part must not be empty, and many people have one name only
_NO_LAST_NAME = "-"


class IncomingPerson(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody whom an import brings; `username` and `full_name` are as the source has them."""

    id: UUID
    username: str
    full_name: str


async def add_people(uow: UnitOfWork, people: list[IncomingPerson]) -> None:
    """Make people without an account; their usernames are made valid and unique, their names split in two."""
    if not people:
        return
    usernames = await free_usernames(uow, people)
    rows: list[dict[str, object]] = []
    for person, username in zip(people, usernames, strict=True):
        first, last = split_name(person.full_name)
        rows.append(
            {
                "id": person.id, "username": username, "first_name": first, "last_name": last, "is_active": False,
                "is_person_only": True, "created_at": uow.now, "updated_at": uow.now,
            }
        )  # fmt: skip
    await uow.session.execute(insert(User), rows)


def split_name(full_name: str) -> tuple[str, str]:
    """First and last name, 1 to 50 characters each: the last word is the last name, all before it the first."""
    printable = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in full_name)
    words = clean_name(printable).split()
    if not words:
        return "Unknown", "person"
    if len(words) == 1:
        return words[0][:_NAME_MAX], _NO_LAST_NAME
    return " ".join(words[:-1])[:_NAME_MAX].strip(), words[-1][:_NAME_MAX]


def valid_username(wish: str, full_name: str) -> str:
    """The nearest valid username to `wish`, else to the full name, else `person`."""
    for source in (wish, full_name):
        plain = unicodedata.normalize("NFKD", source).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9_]+", "-", plain).lstrip("-_")[:_USERNAME_MAX].rstrip("-")
        if len(name) >= _USERNAME_MIN:
            return name
        if name:
            return f"{name}-person"
    return "person"


async def free_usernames(uow: UnitOfWork, people: list[IncomingPerson]) -> list[str]:
    """One username for each, in order: the wish, else with a number, else with the end of the person's id."""
    stems = [valid_username(person.username, person.full_name) for person in people]
    asked = sorted({name for stem in stems for name in [stem, *_numbered(stem)]})
    rows = await uow.rows("SELECT lower(username) AS name FROM users WHERE lower(username) = ANY($1::text[])", asked)
    used: set[str] = {row["name"] for row in rows}
    chosen: list[str] = []
    for person, stem in zip(people, stems, strict=True):
        last_resort = f"{stem[: _USERNAME_MAX - 13]}-{person.id.hex[-12:]}"
        name = next((name for name in [stem, *_numbered(stem)] if name not in used), last_resort)
        used.add(name)
        chosen.append(name)
    return chosen


def _numbered(stem: str) -> list[str]:
    return [f"{stem[: _USERNAME_MAX - 1 - len(str(number))]}-{number}" for number in range(2, _NUMBERED + 1)]
