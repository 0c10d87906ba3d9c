"""The whole system as `synergy up` starts it, and people who use it in a browser."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support import CONTEXT_ARGS, PASSWORD, Person

from synergy_platform.embedded.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

START_SECONDS = 240
STOP_SECONDS = 15
PROVIDER = {"id": "corp", "name": "Corp", "issuer": "http://127.0.0.1:1", "client_id": "synergy"}


def _is_ready(url: str) -> bool:
    try:
        return all(httpx.get(url + path, timeout=2).status_code == 200 for path in ("/api/health/ready", "/healthz"))
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the system answers. SYNERGY_E2E_URL names one that runs already, which is quicker while writing tests."""
    if running := os.environ.get("SYNERGY_E2E_URL"):
        yield running
        return
    home, port = tmp_path_factory.mktemp("home"), free_port()
    os.environ["SYNERGY_HOME"] = str(home)
    environment = {
        **os.environ,
        "SYNERGY_PORT": str(port),
        # every person of a run comes from one address
        "SYNERGY_RATE_LIMIT_REGISTER": "0",
        "SYNERGY_RATE_LIMIT_LOGIN": "0",
        "SYNERGY_RATE_LIMIT_API": "0",
        # one that nobody answers for: what it leads back with is tested without it
        "SYNERGY_OIDC_PROVIDERS": json.dumps([PROVIDER]),
        # receivers of webhooks are started by the tests
        "SYNERGY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    log = home.parent / "up.log"
    # one after another: the first of them builds the web app
    with (home.parent.parent / "starting").open("w") as turn, log.open("wb") as output:
        fcntl.flock(turn, fcntl.LOCK_EX)
        system = subprocess.Popen(
            [sys.executable, "-m", "synergy_cli", "up"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        url = f"http://localhost:{port}"
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _is_ready(url):
                if system.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the system did not start:\n{log.read_text()[-4000:]}")
                time.sleep(0.3)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield url
        finally:
            system.send_signal(signal.SIGTERM)
            try:
                system.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                system.kill()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": os.environ.get("CHROME_PATH", "/usr/bin/chromium"),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
        ],
    }


def _sign_in(base_url: str, username: str, name: str) -> Person:
    client = httpx.Client(base_url=f"{base_url}/api/v1", timeout=20)
    answer = client.post("/auth/login", json={"identifier": username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
    return Person(answer.json()["user"]["id"], username, name, client)


@pytest.fixture(scope="session")
def admin(base_url: str) -> Iterator[Person]:
    """Somebody who sees all people, and may put them together in a project."""
    username = f"root-{uuid.uuid4().hex[:10]}"
    names = ["--email", f"{username}@example.org", "--first-name", "Root", "--last-name", "Admin"]
    subprocess.run(
        [sys.executable, "-m", "synergy_cli", "create-admin", "--username", username, *names, "--password", PASSWORD],
        check=True,
        capture_output=True,
    )
    person = _sign_in(base_url, username, "Root Admin")
    yield person
    person.api.close()


@pytest.fixture
def share(admin: Person) -> Callable[[dict[str, Any], Person, str], None]:
    """Make somebody a member of another person's project."""

    def add(project: dict[str, Any], person: Person, role: str) -> None:
        admin.call("POST", f"/projects/{project['id']}/members", {"user_id": person.id, "role": role})

    return add


@pytest.fixture
def make_person(base_url: str) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(first_name: str = "Ada", last_name: str = "Lovelace") -> Person:
        username = f"{first_name.lower()}-{uuid.uuid4().hex[:10]}"
        account = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
        names = {"first_name": first_name, "last_name": last_name}
        answer = httpx.post(f"{base_url}/api/v1/auth/register", json={**account, **names}, timeout=20)
        assert answer.status_code == 201, answer.text
        made.append(_sign_in(base_url, username, f"{first_name} {last_name}"))
        return made[-1]

    yield make
    for person in made:
        person.api.close()


@pytest.fixture
def open_browser(browser: Browser, base_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """A browser of its own for a person; fails the test when a page reports an error or breaks the content policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_for(person: Person | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=base_url, **{**CONTEXT_ARGS, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        if person:
            answer = context.request.post(
                "/api/v1/auth/login",
                data={"identifier": person.username, "password": PASSWORD, "deliver": "cookie"},
                headers={"origin": base_url},
            )
            assert answer.ok, answer.text()
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        return page

    yield open_for
    for number, context in enumerate(contexts):
        for page in context.pages:
            if not page.is_closed() and (folder := os.environ.get("SYNERGY_E2E_SCREENSHOTS")):
                page.screenshot(path=str(Path(folder) / f"{request.node.name}-{number}.png"))
        context.close()
    assert complaints == []
