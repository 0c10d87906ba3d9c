"""People and pages, as the tests use them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from playwright.sync_api import Page

PASSWORD = "a long sentence nobody guesses 7"


def wait_for(check: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until something is so at the server."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def visit(page: Page, path: str) -> None:
    """Open a page and wait until its scripts have taken over what the server rendered."""
    page.goto(path)
    page.wait_for_load_state("networkidle")


CONTEXT_ARGS: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900},
    # the default name of a headless browser looks like a robot's, and robots get no streamed pages
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
}


@dataclass(frozen=True)
class Person:
    """Somebody with an account; `api` speaks for them with a bearer token."""

    id: str
    username: str
    name: str
    api: httpx.Client

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def make_project(self, name: str = "Website relaunch") -> dict[str, Any]:
        return self.call("POST", "/projects", {"name": name, "status": "active"})

    def make_task(self, project: dict[str, Any], title: str, **fields: Any) -> dict[str, Any]:
        return self.call("POST", f"/projects/{project['id']}/tasks", {"title": title, **fields})
