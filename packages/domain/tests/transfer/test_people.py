"""Names of people without an account."""

from __future__ import annotations

import re

import pytest

from synergy_domain.identity.contracts import USERNAME_PATTERN
from synergy_domain.identity.people import split_name, valid_username


@pytest.mark.parametrize(
    ("full_name", "parts"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("Ana María de la Cruz", ("Ana María de la", "Cruz")),
        ("山田 太郎", ("山田", "太郎")),
        ("Madonna", ("Madonna", "-")),
        ("  ", ("Unknown", "person")),
        ("a\x00\tb", ("a", "b")),
        ("x" * 80 + " " + "y" * 80, ("x" * 50, "y" * 50)),
    ],
)
def test_split_name_gives_two_parts_within_the_limits(full_name: str, parts: tuple[str, str]) -> None:
    assert split_name(full_name) == parts


@pytest.mark.parametrize(
    ("wish", "full_name", "username"),
    [
        ("annlee", "", "annlee"),
        ("Ann.Lee@x", "", "ann-lee-x"),
        ("_ann_", "", "ann_"),
        ("josé", "", "jose"),
        ("al", "", "al-person"),
        ("", "Ann Lee", "ann-lee"),
        ("", "山田", "person"),
        ("x" * 40, "", "x" * 30),
    ],
)
def test_valid_username_is_the_nearest_one(wish: str, full_name: str, username: str) -> None:
    assert valid_username(wish, full_name) == username
    assert re.match(USERNAME_PATTERN, username)
