"""What a provider tells about somebody, made into an account."""

from __future__ import annotations

import pytest

from synergy_domain.identity.names import name_faults
from synergy_domain.identity.oidc.people import read_person


def names(**claims):
    person = read_person(claims)
    return person.first_name, person.last_name


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"given_name": "Ada", "family_name": "Lovelace", "name": "Countess"}, ("Ada", "Lovelace")),
        ({"given_name": " Jean  Luc ", "family_name": "O'Brien-Smith"}, ("Jean Luc", "O'Brien-Smith")),
        ({"given_name": "Ada<script>", "family_name": "Love\nlace\u202e"}, ("Ada script", "Love lace")),
        ({"given_name": "李", "family_name": "王"}, ("李", "王")),
        ({"name": "Ada King Lovelace"}, ("Ada King", "Lovelace")),
        ({"name": "Ada 😀 Lovelace (she)"}, ("Ada Lovelace", "she")),
        ({"name": "Cher"}, ("Cher", "-")),
        ({"given_name": "Cher"}, ("Cher", "-")),
        ({"family_name": "Lovelace"}, ("Lovelace", "-")),
        ({"preferred_username": "ada.lovelace"}, ("ada.lovelace", "-")),
        ({"given_name": "--", "family_name": "''", "email": "ada@example.org"}, ("ada", "-")),
        ({"given_name": "a" * 100, "family_name": "b" * 100}, ("a" * 50, "b" * 50)),
        ({"given_name": 7, "family_name": ["x"], "name": None}, ("Unknown", "person")),
        ({}, ("Unknown", "person")),
    ],
)
def test_names_are_cleaned_and_never_empty(claims, expected):
    assert names(**claims) == expected


def test_cleaned_names_are_ones_that_people_may_have():
    first, last = names(given_name="\x00Ada7\u200b&", family_name="<b>Love</b>")
    assert name_faults("", first) == name_faults("", last) == []


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        (" ada@example.org\n", "ada@example.org"),
        ("ada", None),
        ("ada@localhost", None),
        ("ada@example.org, eve@example.org", None),
        ("a" * 250 + "@example.org", None),
        ("ada\r\nBcc: eve@example.org", None),
        ("ada\x00@example.org", None),
        (["ada@example.org"], None),
        (None, None),
    ],
)
def test_address_is_one_or_none(email, expected):
    assert read_person({"email": email}).email == expected


@pytest.mark.parametrize(
    ("value", "verified"), [(True, True), (False, False), ("true", False), ("false", False), (1, False), (None, False)]
)
def test_address_is_verified_only_by_exactly_true(value, verified):
    assert read_person({"email": "ada@example.org", "email_verified": value}).email_verified is verified


@pytest.mark.parametrize(
    ("claims", "wish"),
    [
        ({"preferred_username": "ada", "nickname": "a", "email": "x@example.org"}, "ada"),
        ({"preferred_username": "ada@corp.example"}, "ada"),
        ({"nickname": "ada", "email": "x@example.org"}, "ada"),
        ({"email": "ada@example.org"}, "ada"),
        ({}, ""),
    ],
)
def test_username_is_wished_by_the_nearest_claim(claims, wish):
    assert read_person(claims).username_wish == wish
