"""People and pages, as the tests use them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from playwright.sync_api import Page

PASSWORD = "a long sentence nobody guesses 7"
ADMIN_PAGES = (
    "/admin/users",
    "/admin/security-events",
    "/admin/health",
    "/admin/queues",
    "/admin/dead-letters",
    "/admin/schedules",
    "/admin/backups",
    "/admin/maintenance",
    "/admin/settings",
)


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


def choose(page: Page, button: str, item: str) -> None:
    """An item of the menu that a button opens; a button whose script is still on its way does nothing."""
    menu = page.get_by_role("menu")

    def is_open() -> bool:
        if not menu.is_visible():
            page.get_by_role("button", name=button).click()
            page.wait_for_timeout(200)
        return menu.is_visible()

    wait_for(is_open, 10)
    menu.get_by_role("menuitem", name=item).click()


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


def newest_mail(admin: Person, username: str, kind: str) -> str:
    """The text of the newest mail of a kind that somebody got; waits for it."""
    found: list[str] = []

    def has_come() -> bool:
        mails = admin.call("GET", f"/admin/mails?state=sent&to={username}@")["items"]
        for mail in mails:
            if mail["kind"] == kind:
                found.append(admin.call("GET", f"/admin/mails/{mail['id']}")["text"])
                break
        return bool(found)

    wait_for(has_come, 20)
    return found[0]


def path_in_mail(admin: Person, to: Person, kind: str, link: str) -> str:
    """The path of the link in the newest mail of a kind that somebody got."""
    return path_in(newest_mail(admin, to.username, kind), link)


def path_in(text: str, link: str) -> str:
    """The path of the first link of a text that begins with `link`."""
    (path,) = re.findall(rf"https?://[^/\s]+({link}\S+)", text)[:1]
    return path
