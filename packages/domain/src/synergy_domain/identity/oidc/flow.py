"""The way through a provider and back: authorisation code with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636).

What is needed when the browser comes back is stored under the hash of `state`, encrypted, for ten minutes and for one
use; a cookie ties it to the browser that began.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from synergy_domain.common.actor import Actor
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import SecondFactorNeeded
from synergy_domain.identity.oidc import repository
from synergy_domain.identity.oidc.accounts import Visitor, link_identity, sign_in_by_identity
from synergy_domain.identity.oidc.contracts import Answer, Begun, HalfSignedIn, Linked, LinkInput, SignedIn
from synergy_domain.identity.oidc.errors import ProviderUnavailable, SignInRefused, UnknownProvider
from synergy_domain.identity.oidc.id_tokens import IdToken, InvalidIdToken, UnknownKey, check_id_token
from synergy_domain.identity.oidc.provider import Provider, Providers, Tokens
from synergy_domain.identity.reauthentication import confirm_identity
from synergy_domain.identity.repository import add_security_event
from synergy_platform.runtime import Runtime
from synergy_platform.secretbox import SecretBox, SecretUnreadable
from synergy_platform.tokens import encode_bytes, hash_token, new_opaque_token

LIFETIME = timedelta(minutes=10)
# for everything that the provider is asked on the way back; less than a request may take
EXCHANGE_SECONDS = 20.0
_MAX_NEXT = 500
_MAX_VALUE = 4096
_CANCELLED = frozenset({"access_denied", "login_required", "interaction_required", "consent_required",
                        "account_selection_required"})  # fmt: skip
_UNAVAILABLE = frozenset({"server_error", "temporarily_unavailable"})


class _Secrets(msgspec.Struct):
    """What is stored of a sign-in on its way; `session_id` is that of whoever links."""

    nonce: str
    verifier: str
    next: str
    session_id: UUID | None


class _Way(msgspec.Struct):
    """A sign-in that came back in the browser that began it."""

    secrets: _Secrets
    user_id: UUID | None


def is_own_page(path: str) -> bool:
    """Whether a browser that is sent there stays on our pages."""
    return (
        path.startswith("/")
        and not path.startswith(("//", "/api/"))
        and "\\" not in path
        and path.isascii()
        and path.isprintable()
        and " " not in path
        and len(path) <= _MAX_NEXT
    )


async def begin(
    runtime: Runtime, providers: Providers, provider_id: str, *, next_page: str, link_for: Actor | None = None
) -> Begun:
    """Begin a sign-in, or the linking of an account elsewhere to the actor's; `next_page` must be our own.

    Raises UnknownProvider or ProviderUnavailable.
    """
    provider = providers.get(provider_id)
    state, browser = new_opaque_token(), new_opaque_token()
    kept = _Secrets(
        nonce=new_opaque_token(), verifier=secrets.token_urlsafe(48), next=next_page,
        session_id=link_for.session_id if link_for else None,
    )  # fmt: skip
    url = await provider.authorization_url(
        {
            "response_type": "code",
            "client_id": provider.config.client_id,
            "redirect_uri": _redirect_uri(runtime, provider),
            "scope": " ".join(provider.config.scopes),
            "state": state,
            "nonce": kept.nonce,
            "code_challenge": encode_bytes(hashlib.sha256(kept.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
    )
    async with runtime.database.unit_of_work() as uow:
        await repository.add_sign_in(
            uow, state_hash=hash_token(state), browser_hash=hash_token(browser), provider=provider_id,
            secrets=_box(runtime).encrypt(msgspec.json.encode(kept).decode()),
            user_id=link_for.user_id if link_for else None, expires_at=uow.now + LIFETIME,
        )  # fmt: skip
    return Begun(url, browser)


async def begin_link(
    runtime: Runtime, providers: Providers, provider_id: str, data: LinkInput, *, actor: Actor, client: Client
) -> Begun:
    """Begin to link an account elsewhere to the actor's, who confirms it; see `confirm_identity` and `begin`."""
    providers.get(provider_id)
    await confirm_identity(runtime, actor, data.password, client)
    return await begin(runtime, providers, provider_id, next_page=data.next, link_for=actor)


async def finish(
    runtime: Runtime,
    providers: Providers,
    provider_id: str,
    answer: Answer,
    *,
    browser: str | None,
    device: str | None,
    actor: Actor | None,
    client: Client,
) -> SignedIn | HalfSignedIn | Linked:
    """Take what the browser brought back; raises SignInRefused.

    `browser` is the cookie of `begin`, `device` that of an earlier sign-in, `actor` whoever is signed in in this
    browser, which only linking asks.
    """
    way = await _take(runtime, provider_id, answer, browser)
    back_to = way.secrets.next if way.user_id else None
    try:
        provider = providers.get(provider_id)
        async with asyncio.timeout(EXCHANGE_SECONDS):
            token, claims = await _ask_provider(runtime, provider, answer, way)
        visitor = Visitor(
            subject=token.subject, claims=claims, client=client, device=device,
            showed_second_factor=provider.config.trust_mfa and token.names_method("mfa"),
        )  # fmt: skip
        if way.user_id is None:
            outcome = await sign_in_by_identity(runtime, provider, visitor)
            if isinstance(outcome, SecondFactorNeeded):
                return HalfSignedIn(outcome, way.secrets.next)
            return SignedIn(outcome, way.secrets.next)
        if actor is None or (actor.user_id, actor.session_id) != (way.user_id, way.secrets.session_id):
            raise SignInRefused("sign_in_again", "whoever began to link is not signed in here")
        await link_identity(runtime, provider, visitor, actor)
        return Linked(provider_id, way.secrets.next)
    except SignInRefused as refused:
        await _record(runtime, provider_id, refused, client)
        raise SignInRefused(refused.code, str(refused), back_to=back_to) from None
    except (ProviderUnavailable, TimeoutError):
        raise SignInRefused("provider_unavailable", back_to=back_to) from None
    except UnknownProvider:
        raise SignInRefused("expired", "the provider is no longer configured", back_to=back_to) from None


async def _take(runtime: Runtime, provider_id: str, answer: Answer, browser: str | None) -> _Way:
    if not answer.state or len(answer.state) > _MAX_VALUE:
        raise SignInRefused("invalid_response", "without a state")
    async with runtime.database.unit_of_work() as uow:
        row = await repository.take_sign_in(uow, hash_token(answer.state))
        now = uow.now
    if row is None or row["expires_at"] <= now:
        raise SignInRefused("expired", "an unknown, used or expired state")
    if not browser or not hmac.compare_digest(row["browser_hash"], hash_token(browser)):
        raise SignInRefused("invalid_response", "another browser began it")
    if row["provider"] != provider_id:
        raise SignInRefused("invalid_response", "another provider's sign-in")
    try:
        kept = msgspec.json.decode(_box(runtime).decrypt(row["secrets"]), type=_Secrets)
    except SecretUnreadable:
        raise SignInRefused("expired", "its SECRET_KEY is gone") from None
    return _Way(kept, row["user_id"])


async def _ask_provider(
    runtime: Runtime, provider: Provider, answer: Answer, way: _Way
) -> tuple[IdToken, dict[str, Any]]:
    """The checked ID token and its claims; for somebody new, all that the provider tells about them."""
    metadata = await provider.metadata()
    # RFC 9207: another provider's answer must not be taken to this one (mix-up)
    if answer.issuer != metadata.issuer and (
        answer.issuer is not None or metadata.authorization_response_iss_parameter_supported
    ):
        raise SignInRefused("invalid_response", "the answer is another issuer's")
    if answer.error is not None:
        if answer.error in _CANCELLED:
            raise SignInRefused("cancelled", answer.error)
        code = "provider_unavailable" if answer.error in _UNAVAILABLE else "invalid_response"
        raise SignInRefused(code, f"the provider answered {answer.error[:60]!r}")
    if not answer.code or len(answer.code) > _MAX_VALUE:
        raise SignInRefused("invalid_response", "without a code")
    tokens = await provider.exchange(
        answer.code, verifier=way.secrets.verifier, redirect_uri=_redirect_uri(runtime, provider)
    )
    token = await _check(runtime, provider, tokens, way.secrets.nonce)
    known = await repository.find_identity(runtime.database.reader(), provider.config.issuer, token.subject)
    if known is not None:
        return token, token.claims
    return token, {**token.claims, **await provider.user_info(tokens.access_token, token.subject)}


async def _check(runtime: Runtime, provider: Provider, tokens: Tokens, nonce: str) -> IdToken:
    """The ID token; the provider's keys are asked for again once when it was signed by one that is not known."""
    for renewed in (False, True):
        try:
            return check_id_token(
                tokens.id_token, await provider.keys(renewed=renewed), issuer=provider.config.issuer,
                client_id=provider.config.client_id, nonce=nonce, access_token=tokens.access_token,
                now=runtime.clock.now(),
            )  # fmt: skip
        except UnknownKey:
            continue
        except InvalidIdToken as error:
            raise SignInRefused("invalid_response", f"ID token: {error}") from None
    raise SignInRefused("invalid_response", "ID token: signed by a key that the provider does not tell")


async def _record(runtime: Runtime, provider_id: str, refused: SignInRefused, client: Client) -> None:
    if refused.code in {"cancelled", "provider_unavailable"}:
        return
    async with runtime.database.unit_of_work() as uow:
        add_security_event(
            uow, "login_failed", user_id=refused.user_id, ip=client.ip, user_agent=client.user_agent,
            detail={"provider": provider_id, "reason": refused.code},
        )  # fmt: skip


def _redirect_uri(runtime: Runtime, provider: Provider) -> str:
    return f"{runtime.settings.public_url.rstrip('/')}/api/v1/auth/oidc/{provider.config.id}/callback"


def _box(runtime: Runtime) -> SecretBox:
    return SecretBox(runtime.keyring, "oidc")
