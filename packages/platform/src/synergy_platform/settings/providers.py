"""Providers of single sign-on, as the operator writes them: a JSON list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

_ID = re.compile(r"[a-z0-9-]{1,40}")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749, 3.3
_MAX_ISSUER, _MAX_NAME = 500, 60
_EXAMPLE = '[{"id": "corp", "name": "Corp", "issuer": "https://login.example.org", "client_id": "…"}]'
_AT = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)


class OidcProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider. `registration`: whom nobody knows yet gets an account, whatever SYNERGY_REGISTRATION
    says; `trust_mfa`: its word that a second factor was shown (`amr` has `mfa`) is taken instead of ours.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    registration: bool = False
    trust_mfa: bool = False

    def __repr__(self) -> str:  # the secret stays out of whatever prints settings
        return f"OidcProvider({self.id!r}, {self.issuer!r})"


def parse_providers(text: str) -> tuple[OidcProvider, ...]:
    """The providers of a JSON list; ValueError tells every entry that cannot be read, and never a value."""
    try:
        entries = msgspec.json.decode(text, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError):
        raise ValueError(f"expected a JSON list such as {_EXAMPLE}") from None
    found: list[OidcProvider] = []
    faults: list[str] = []
    for place, entry in enumerate(entries, 1):
        try:
            found.append(msgspec.json.decode(entry, type=OidcProvider))
        except msgspec.MsgspecError as error:
            match = _AT.match(str(error))
            message, path = (match[1], match[2]) if match else (str(error), None)
            where = f" ({path})" if path else ""
            faults.append(f"provider {place}{where}: {message.replace('`', '')}")
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(found)


def provider_faults(providers: tuple[OidcProvider, ...], *, encrypted_only: bool) -> list[str]:
    """A sentence for each value that no provider can have."""
    faults: list[str] = []
    for place, provider in enumerate(providers, 1):
        faults += [
            f"SYNERGY_OIDC_PROVIDERS, provider {place}: {fault}"
            for fault in _faults_of(provider, encrypted_only=encrypted_only)
        ]
    for what, values in (("id", [one.id for one in providers]), ("issuer", [one.issuer for one in providers])):
        faults += [
            f"SYNERGY_OIDC_PROVIDERS has {value!r} as the {what} of several providers"
            for value in sorted({value for value in values if values.count(value) > 1})
        ]
    return faults


def _faults_of(provider: OidcProvider, *, encrypted_only: bool) -> Iterator[str]:
    if not _ID.fullmatch(provider.id):
        yield f"id is {provider.id!r}: expected 1 to 40 of a-z, 0-9 and -"
    if not 0 < len(provider.name.strip()) <= _MAX_NAME or not provider.name.isprintable():
        yield f"name must have 1 to {_MAX_NAME} characters: it stands on the sign-in page"
    if problem := _issuer_problem(provider.issuer, encrypted_only=encrypted_only):
        yield f"issuer is {provider.issuer!r}: it {problem}"
    if not provider.client_id or not provider.client_id.isprintable():
        yield "client_id is missing"
    if not provider.client_secret.isprintable():
        yield "client_secret has characters that cannot be sent"
    if "openid" not in provider.scopes or not all(_SCOPE.fullmatch(scope) for scope in provider.scopes):
        yield 'scopes must hold "openid" and be words without spaces'


def _issuer_problem(issuer: str, *, encrypted_only: bool) -> str:
    try:
        parts = urlsplit(issuer)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in {"http", "https"} or not host or not issuer.isascii() or " " in issuer:
        return "must be an address such as https://login.example.org"
    if "@" in parts.netloc or "?" in issuer or "#" in issuer:
        return "must have no user name, query or fragment"
    if len(issuer) > _MAX_ISSUER:
        return f"must have at most {_MAX_ISSUER} characters"
    if encrypted_only and parts.scheme != "https":
        return "must begin with https:// in production"
    return ""
