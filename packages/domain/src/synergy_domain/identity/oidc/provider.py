"""A provider as this process knows it: its own description and keys, asked for when needed and kept for an hour."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, quote_plus, urlencode, urlsplit

import msgspec
import structlog
from joserfc.jwk import Key

from synergy_domain.identity.oidc.errors import ProviderUnavailable, SignInRefused, UnknownProvider
from synergy_domain.identity.oidc.id_tokens import InvalidIdToken, read_keys
from synergy_platform.fetching import Fetched, NoAnswer, fetch
from synergy_platform.settings import OidcProvider, Settings

T = TypeVar("T")

KEEP_SECONDS = 3600.0

log = structlog.stdlib.get_logger(__name__)


class Metadata(msgspec.Struct, frozen=True):
    """What of the description (OpenID Connect Discovery 1.0, 3) is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    # RFC 9207
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """What the token endpoint gave."""

    id_token: str
    access_token: str | None = None


class _TokenError(msgspec.Struct):
    error: str


class Provider:
    """One provider."""

    def __init__(self, config: OidcProvider) -> None:
        self.config = config
        self._metadata = _Kept(config.name, self._fetch_metadata)
        self._keys = _Kept(config.name, self._fetch_keys)

    async def metadata(self) -> Metadata:
        """Its description; raises ProviderUnavailable."""
        return await self._metadata.get()

    async def keys(self, *, renewed: bool = False) -> Sequence[Key]:
        """Its signature keys, asked for again if `renewed`; raises ProviderUnavailable."""
        return await self._keys.get(renewed=renewed)

    async def authorization_url(self, parameters: dict[str, str]) -> str:
        """Where to send the browser; raises ProviderUnavailable."""
        endpoint = (await self.metadata()).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters, quote_via=quote)}"

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Exchange a code for tokens; raises ProviderUnavailable, or SignInRefused when the provider refuses it."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri,
        }  # fmt: skip
        headers: dict[str, str] = {}
        secret = self.config.client_secret
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            headers["Authorization"] = _basic(self.config.client_id, secret)
        else:
            form["client_id"] = self.config.client_id
            if secret:
                form["client_secret"] = secret
        answer = await self._fetch(metadata.token_endpoint, form=form, headers=headers)
        if answer.status in {400, 401}:
            reason = self._decode(answer, _TokenError).error[:100]
            if reason == "invalid_grant":
                raise SignInRefused("invalid_response", "the provider does not take the code")
            # a matter between the operator and the provider
            log.error("oidc.client_refused", provider=self.config.id, error=reason)
            raise ProviderUnavailable(self.config.name)
        return self._decode(answer, Tokens, status=200)

    async def user_info(self, access_token: str | None, subject: str) -> dict[str, Any]:
        """What the provider tells about the user beside the ID token; nothing when it has no such address."""
        endpoint = (await self.metadata()).userinfo_endpoint
        if endpoint is None or access_token is None or not access_token.isprintable():
            return {}
        answer = await self._fetch(endpoint, headers={"Authorization": f"Bearer {access_token}"})
        claims = self._decode(answer, dict[str, Any], status=200)
        if claims.get("sub") != subject:  # OpenID Connect Core 1.0, 5.3.2
            raise SignInRefused("invalid_response", "user info is about somebody else")
        return claims

    async def _fetch_metadata(self) -> Metadata:
        issuer = self.config.issuer
        answer = await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        metadata = self._decode(answer, Metadata, status=200)
        if metadata.issuer != issuer:
            raise self._unavailable("the description is of another issuer")
        addresses = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        if not all(
            _is_usable(address, encrypted_only=issuer.startswith("https:"))
            for address in (*addresses, metadata.userinfo_endpoint or metadata.jwks_uri)
        ):
            raise self._unavailable("the description has addresses that cannot be used")
        return metadata

    async def _fetch_keys(self) -> Sequence[Key]:
        answer = await self._fetch((await self.metadata()).jwks_uri)
        if answer.status != 200:
            raise self._unavailable(f"the keys are answered with {answer.status}")
        try:
            return read_keys(answer.body)
        except InvalidIdToken as error:
            raise self._unavailable(str(error)) from None

    async def _fetch(
        self, url: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Fetched:
        try:
            return await fetch(url, form=form, headers=headers)
        except NoAnswer as error:
            raise self._unavailable(str(error)) from None

    def _decode(self, answer: Fetched, kind: type[T], *, status: int | None = None) -> T:
        if status not in {None, answer.status}:
            raise self._unavailable(f"answered with {answer.status}")
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, UnicodeError):
            raise self._unavailable("the answer is not what the standard says") from None

    def _unavailable(self, reason: str) -> ProviderUnavailable:
        log.warning("oidc.provider_unavailable", provider=self.config.id, reason=reason)
        return ProviderUnavailable(self.config.name)


class Providers:
    """Those of the settings, in their order."""

    def __init__(self, settings: Settings) -> None:
        self._providers = {config.id: Provider(config) for config in settings.oidc_providers}

    def get(self, provider_id: str) -> Provider:
        """One of them; raises UnknownProvider."""
        provider = self._providers.get(provider_id)
        if provider is None:
            raise UnknownProvider
        return provider


class _Kept(Generic[T]):
    """Something that a provider tells, asked for once at a time: whoever waited meanwhile shares the outcome."""

    def __init__(self, provider: str, ask: Callable[[], Awaitable[T]]) -> None:
        self._provider = provider
        self._ask = ask
        self._lock = asyncio.Lock()
        self._value: tuple[float, T] | None = None
        self._failed_at = 0.0

    async def get(self, *, renewed: bool = False) -> T:
        """The value; `renewed`: not one that was there before this call. Raises ProviderUnavailable."""
        asked_at = time.monotonic()
        newest = asked_at if renewed else asked_at - KEEP_SECONDS
        if self._value is not None and self._value[0] > newest:
            return self._value[1]
        async with self._lock:
            if self._value is not None and self._value[0] > newest:
                return self._value[1]
            if self._failed_at > asked_at:
                raise ProviderUnavailable(self._provider)
            try:
                value = await self._ask()
            except ProviderUnavailable:
                self._failed_at = time.monotonic()
                raise
            self._value = (time.monotonic(), value)
            return value


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are encoded as in a form first."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def _is_usable(address: str, *, encrypted_only: bool) -> bool:
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    schemes = {"https"} if encrypted_only else {"http", "https"}
    return bool(
        parts.scheme in schemes and host and "@" not in parts.netloc and not parts.fragment
        and address.isascii() and address.isprintable() and " " not in address
    )  # fmt: skip
