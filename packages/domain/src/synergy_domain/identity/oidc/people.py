"""What a provider tells about somebody, made into what an account can have."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec

from synergy_domain.identity.contracts import Email
from synergy_domain.identity.names import clean_name, name_faults
from synergy_domain.identity.people import split_name

_MAX_CLAIM, _MAX_NAME = 300, 50
_BETWEEN = " '’-"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, as a provider describes them; `email` is None unless it can be an address."""

    email: str | None
    email_verified: bool
    username_wish: str
    first_name: str
    last_name: str


def read_person(claims: dict[str, Any]) -> Person:
    """The person of these claims (OpenID Connect Core 1.0, 5.1), whatever their types; it never fails."""
    email = _email(_text(claims, "email"))
    wish = _text(claims, "preferred_username") or _text(claims, "nickname") or email or ""
    first, last = _name(_text(claims, "given_name")), _name(_text(claims, "family_name"))
    if not (first and last):
        # a name part must not be empty: the rule of imports
        first, last = split_name(_name(_text(claims, "name")) or first or last or wish.partition("@")[0])
    return Person(
        email=email,
        # exactly true, as the standard has it: a text "false" would be true as well
        email_verified=claims.get("email_verified") is True,
        username_wish=wish.partition("@")[0],
        first_name=first,
        last_name=last,
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value[:_MAX_CLAIM] if isinstance(value, str) else ""


def _email(text: str) -> str | None:
    try:
        return msgspec.convert(text.strip(), Email)
    except msgspec.ValidationError:
        return None


def _name(text: str) -> str:
    """`text` with what no name may have taken out; empty when nothing of a name is left."""
    kept = "".join(sign if unicodedata.category(sign)[0] in "LM" or sign in _BETWEEN else " " for sign in text)
    name = clean_name(" ".join(kept.split()))[:_MAX_NAME].strip()
    return "" if name_faults("", name) else name
