"""Single sign-on in tests: a browser, and a provider that answers whatever a test wants.

What a good provider does is tested with a certified one, in apps/api/tests/oidc_provider.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import time
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
from aiohttp import web
from joserfc import jws
from joserfc.jwk import Key, RSAKey

from synergy_platform.settings import OidcProvider

START = "/api/v1/auth/oidc/fake/start"
CALLBACK = "/api/v1/auth/oidc/fake/callback"
SESSION = {"synergy_access", "synergy_refresh"}
OURS = "http://synergy.test"
CLIENT_ID = "synergy"


class Browser:
    """Follows links and redirects, to the app in this process and to providers on this machine, and keeps cookies."""

    def __init__(self, app: Any, headers: dict[str, str] | None = None) -> None:
        self.app = app
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(mounts={OURS: transport}, base_url=OURS, headers=headers, timeout=30)
        self.visited: list[str] = []

    async def get(self, url: str) -> httpx.Response:
        """One request."""
        self.visited.append(url)
        return await self.http.get(url)

    async def follow(self, url: str) -> httpx.Response:
        """Go on until a page of ours that is not of the API, which is not fetched, or an answer that is no redirect."""
        return await self.settle(await self.get(url))

    async def settle(self, answer: httpx.Response) -> httpx.Response:
        """Follow the redirects of an answer as `follow` does."""
        while answer.is_redirect:
            target = str(answer.next_request.url)
            if target.startswith(OURS) and not target.startswith(f"{OURS}/api/"):
                break
            answer = await self.get(target)
        return answer

    async def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the form of a page, with what its hidden fields hold."""
        action = re.search(r'action="([^"]+)"', page.text)[1]
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return await self.settle(await self.http.post(page.url.join(action), data={**hidden, **fields}))

    @property
    def cookies(self) -> dict[str, str]:
        """Those for the app."""
        return {cookie.name: cookie.value for cookie in self.http.cookies.jar if "synergy.test" in cookie.domain}


def landed(answer: httpx.Response) -> str:
    """Where a browser ended: the address below ours."""
    assert answer.status_code == 303, (answer.status_code, answer.text)
    return answer.headers["location"]


class FakeProvider:
    """A provider without a sign-in page: whoever comes is `subject`. Everything about it can be made wrong."""

    def __init__(self) -> None:
        self.key: Key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.published: list[Key] | None = None
        self.subject = f"subject-{secrets.token_hex(6)}"
        self.claims: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.callback: dict[str, str | None] = {}
        self.tokens: dict[str, Any] = {}
        # a handler that takes the place of an endpoint: discovery, keys, authorize, token or userinfo
        self.instead: dict[str, Callable[[web.Request], Any]] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        for method, path, name in (
            ("GET", "/.well-known/openid-configuration", "discovery"),
            ("GET", "/keys", "keys"),
            ("GET", "/authorize", "authorize"),
            ("POST", "/token", "token"),
            ("GET", "/userinfo", "userinfo"),
        ):
            app.router.add_route(method, path, self._handler(name))
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def config(self, **changes: Any) -> OidcProvider:
        """It, as an operator would write it."""
        return OidcProvider(
            **{
                "id": "fake", "name": "Fake Corp", "issuer": self.issuer, "client_id": CLIENT_ID,
                "client_secret": "secret", **changes,
            }
        )  # fmt: skip

    def _handler(self, name: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked.append(name)
            answer = (self.instead.get(name) or getattr(self, f"_{name}"))(request)
            return await answer if asyncio.iscoroutine(answer) else answer

        return handle

    def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        )

    def _keys(self, _request: web.Request) -> web.Response:
        published = [self.key] if self.published is None else self.published
        return web.json_response({"keys": [key.as_dict(private=False) for key in published]})

    def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **self.callback}
        query = urlencode({name: value for name, value in answer.items() if value is not None})
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{query}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        asked = self.codes.pop(str(form.get("code")), None)
        if asked is None or s256(str(form["code_verifier"])) != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        access_token = secrets.token_urlsafe(16)
        answer = {
            "access_token": access_token, "token_type": "Bearer", "id_token": self.id_token(asked, access_token),
            **self.tokens,
        }  # fmt: skip
        return web.json_response({name: value for name, value in answer.items() if value is not None})

    def _userinfo(self, _request: web.Request) -> web.Response:
        return web.json_response({"sub": self.subject, **self.user_info})

    def id_token(self, asked: dict[str, str], access_token: str) -> str:
        """A token for what was asked; `claims` and `header` change it, and None takes something out."""
        del access_token
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT_ID, "exp": now + 300, "iat": now,
            "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        return sign(_without_none(claims), self.key, _without_none(header))


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class _AnyHeader(jws.JWSRegistry):
    def check_header(self, header: Any) -> None:
        """Anything."""


def sign(claims: dict[str, Any], key: Key, header: dict[str, Any]) -> str:
    """A JSON Web Signature, by any algorithm."""
    registry = _AnyHeader(algorithms=[header["alg"]])
    with warnings.catch_warnings():  # of algorithms that are old or none
        warnings.simplefilter("ignore")
        return jws.serialize_compact(header, msgspec.json.encode(claims), key, registry=registry)


def s256(verifier: str) -> str:
    """The challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def to_provider(browser, start=START):
    """Begin, and come back as far as the provider's answer, which is not followed."""
    asked = (await browser.get(start)).headers["location"]
    return (await browser.get(asked)).headers["location"]


async def refused(browser, url, code="invalid_response"):
    answer = await browser.get(url)
    assert landed(answer) == f"/login?error={code}"
    assert not SESSION & set(browser.cookies)
