from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from support import ADMIN_PAGES, choose, visit
from system import forget_records, give_up, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _violations(page: Page) -> list[str]:
    # evaluated, not added as a script: the page's content policy allows no scripts but its own
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", TAGS
    )
    return [
        f"{violation['id']} ({violation['impact']}): {[node['target'] for node in violation['nodes']][:3]}"
        for violation in result["violations"]
        if violation["impact"] in {"serious", "critical", "moderate"}
    ]


def _set_theme(page: Page, base_url: str, theme: str) -> None:
    page.context.add_cookies([{"name": "synergy_theme", "value": theme, "url": base_url}])


def _filled_project(person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    project = person.make_project()
    label = person.call("POST", f"/projects/{project['id']}/labels", {"name": "Design", "color": "#a21caf"})
    for status in ("todo", "in_progress", "review", "done"):
        task = person.make_task(
            project,
            f"A task that is {status}",
            status=status,
            priority="urgent",
            label_ids=[label["id"]],
            assignee_ids=[person.id],
            due_date="2026-01-15",
        )
    person.call("PATCH", f"/tasks/{task['key']}", {"description": "**Why**: a [link](https://example.org), `code`."})
    person.call("POST", f"/tasks/{task['key']}/subtasks", {"title": "Sketch", "group": "First"})
    person.call("POST", f"/tasks/{task['key']}/comments", {"body": "A comment"})
    attached = person.api.post(f"/tasks/{task['key']}/attachments", files={"file": ("plan.pdf", b"A plan")})
    assert attached.status_code == 201, attached.text
    return project, task


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_have_no_accessibility_violations(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], base_url: str, theme: str
) -> None:
    person = make_person()
    project, task = _filled_project(person)
    page = open_browser(person)
    _set_theme(page, base_url, theme)
    found: dict[str, list[str]] = {}
    for path in (
        "/projects",
        f"/projects/{project['id']}/board",
        f"/projects/{project['id']}/board?task={task['key']}",
        f"/projects/{project['id']}/activity",
        f"/projects/{project['id']}/members",
        f"/tasks/{task['key']}",
        "/my-work",
        "/notifications",
        "/settings/notifications",
    ):
        visit(page, path)
        page.wait_for_load_state("networkidle")
        if violations := _violations(page):
            found[path] = violations
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.wait_for_timeout(300)  # colours are judged after the fade
    if violations := _violations(page):
        found["palette"] = violations
    assert found == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_webhooks_and_the_bell_have_no_accessibility_violations(
    open_browser: Callable[..., Page], admin: Person, make_person: Callable[..., Person], base_url: str, theme: str
) -> None:
    project = admin.make_project()
    # nobody listens at port 1, so a delivery fails and waits
    hook = {"name": "Our chat", "url": "http://127.0.0.1:1/hook"}
    webhook = admin.call("POST", f"/projects/{project['id']}/webhooks", hook)["webhook"]
    delivery = admin.call("POST", f"/webhooks/{webhook['id']}/test")
    page = open_browser(admin)
    _set_theme(page, base_url, theme)
    path = f"/projects/{project['id']}/webhooks"
    found: dict[str, list[str]] = {}

    def look(where: str) -> None:
        page.wait_for_timeout(300)  # colours are judged after the fade
        if violations := _violations(page):
            found[where] = violations

    visit(page, path)
    look("list")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_role("radio", name="Only these").check()
    expect(page.get_by_role("checkbox", name="task.created")).to_be_visible()
    look("form")
    visit(page, f"{path}/{webhook['id']}")
    look("webhook")
    visit(page, f"{path}/{webhook['id']}?delivery={delivery['id']}")
    expect(page.get_by_role("dialog").get_by_text("No answer")).to_be_visible()
    look("delivery")
    # of somebody who was told of nothing: an administrator is, where a backup failed in another test
    page = open_browser(make_person())
    _set_theme(page, base_url, theme)
    visit(page, "/projects")
    page.get_by_role("button", name="Notifications", exact=True).click()
    look("bell")
    assert found == {}


ACCOUNT_PAGES = ("/settings/profile", "/settings/security", "/settings/tokens")


def _record_all_there_is_to_administer() -> str:
    """Something on every page of administration, good and bad; the id of a dead letter."""
    forget_records()
    record("backup", 30, kind="full", bytes=52_428_800, tables=24, rows=10_233, files=120)
    record("drill", 3, tables=24, rows=10_233, files=120, seconds=41.5)
    record("drill", 1, "attention", "The rows differ.", differences=["tasks: 4 rows, 5 in the backup"])
    record("weekly.disk_space", 1)
    record("weekly.error_rates", 500)
    return give_up("maintenance.sweep_files", '{"area": "avatars"}')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_accounts_and_administration_have_no_accessibility_violations(
    open_browser: Callable[..., Page], admin: Person, base_url: str, theme: str
) -> None:
    job_id = _record_all_there_is_to_administer()
    page = open_browser(admin)
    _set_theme(page, base_url, theme)
    found: dict[str, list[str]] = {}

    def look(where: str) -> None:
        page.wait_for_timeout(300)  # colours are judged after the fade
        if violations := _violations(page):
            found[where] = violations

    for path in (*ACCOUNT_PAGES, *ADMIN_PAGES):
        visit(page, path)
        look(path)
    visit(page, "/admin/maintenance")
    page.locator("summary").filter(has_text="Error rates").click()
    expect(page.get_by_text("weekly.error_rates")).to_be_visible()
    look("maintenance task")
    visit(page, "/admin/schedules")
    choose(page, "Actions for cleanup", "Change")
    expect(page.get_by_label("Cron expression")).to_be_visible()
    look("schedule")
    visit(page, f"/admin/dead-letters?job={job_id}")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("dead letter")
    admin.call("DELETE", f"/admin/jobs/{job_id}")
    assert found == {}


def test_pages_of_accounts_and_administration_fit_a_phone(open_browser: Callable[..., Page], admin: Person) -> None:
    job_id = _record_all_there_is_to_administer()
    page = open_browser(
        admin, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    for path in (*ACCOUNT_PAGES, *ADMIN_PAGES):
        visit(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    # the tab of the page that is open is to be seen without scrolling
    box = page.get_by_role("navigation", name="Administration").get_by_role("link", name="Settings").bounding_box()
    assert box
    assert 0 <= box["x"] <= round(box["x"] + box["width"]) <= 390
    visit(page, f"/admin/dead-letters?job={job_id}")
    place = page.get_by_role("dialog").bounding_box()
    assert place
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    admin.call("DELETE", f"/admin/jobs/{job_id}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sign_in_pages_have_no_accessibility_violations(
    open_browser: Callable[..., Page], base_url: str, theme: str
) -> None:
    page = open_browser()
    _set_theme(page, base_url, theme)
    for path in (
        "/login",
        "/register",
        "/forgot-password",
        "/reset-password",
        "/invitations",
        "/verify-email?token=x",
        "/unsubscribe/x",
        "/nothing",
    ):
        visit(page, path)
        assert _violations(page) == [], path


def test_choose_dark_appearance_is_in_the_first_bytes_of_the_next_page(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    page = open_browser(make_person(), color_scheme="light")
    visit(page, "/projects")
    light = page.evaluate("getComputedStyle(document.body).color")
    page.get_by_role("button", name="account and appearance").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).color") != light
    answer = page.goto("/my-work")
    assert answer is not None
    assert '<html lang="en" data-theme="dark"' in answer.text()[:200]


def test_pages_fit_a_phone(open_browser: Callable[..., Page], make_person: Callable[..., Person]) -> None:
    person = make_person()
    project, task = _filled_project(person)
    page = open_browser(
        person, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    inside = f"/projects/{project['id']}"
    for path in (
        "/projects",
        f"{inside}/board",
        f"{inside}/members",
        f"{inside}/webhooks",
        "/my-work",
        "/notifications",
        "/settings/notifications",
    ):
        visit(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.get_by_role("main").get_by_role("button", name="Notifications", exact=True).tap()
    popover = page.get_by_role("dialog", name="Notifications")
    expect(popover.get_by_text("Nothing new")).to_be_visible()
    place = popover.bounding_box()
    assert place
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    page.keyboard.press("Escape")

    visit(page, f"/projects/{project['id']}/board")
    page.get_by_role("row").filter(has_text="A task that is todo").tap()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel).to_be_visible()
    box = panel.bounding_box()
    assert box
    assert round(box["width"]) == 390
    page.get_by_role("button", name="Close the task").tap()
    page.get_by_role("button", name="Open the navigation").tap()
    page.get_by_role("dialog", name="Navigation").get_by_role("link", name="My work").tap()
    expect(page.get_by_role("heading", name="My work")).to_be_visible()
    expect(page.get_by_role("dialog", name="Navigation")).to_have_count(0)
    assert task["key"]


def test_board_is_readable_without_scripts(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    project, task = _filled_project(person)
    page = open_browser(person, java_script_enabled=False)
    visit(page, f"/projects/{project['id']}/board")
    expect(page.get_by_text("A task that is todo")).to_be_visible()
    page.get_by_role("link", name="A task that is done").click()
    expect(page.get_by_role("complementary", name=f"Task {task['key']}")).to_be_visible()
