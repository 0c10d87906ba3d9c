"""Health, backups, maintenance and settings, as administrators see them; and that nobody else does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from support import ADMIN_PAGES, visit
from system import forget_records, inside, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route
    from support import Person

DRILL = {"backup": "20261129T020000", "target": "a new cluster", "seconds": 41.5, "bytes": 52_428_800, "tables": 24}
DRILL |= {"rows": 10_233, "files": 120, "differences": []}
BACKUP = {"id": "20261129T020000", "kind": "full", "bytes": 52_428_800, "tables": 24, "rows": 10_233, "files": 120}


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_open_a_page_of_administration_as_a_member_is_refused(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], path: str
) -> None:
    page = open_browser(make_person())
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("Only administrators")
    expect(page.get_by_role("navigation", name="Administration")).to_have_count(0)
    expect(page.get_by_role("table")).to_have_count(0)


def test_health_shows_each_part_and_is_renewed_while_it_is_looked_at(
    open_browser: Callable[..., Page], admin: Person
) -> None:
    page = open_browser(admin)
    page.clock.install()
    visit(page, "/admin")
    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Health").click()
    checks = page.get_by_role("list", name="Checks").get_by_role("listitem")
    expect(checks.filter(has=page.get_by_text("Database", exact=True))).to_contain_text("Well")
    expect(checks.filter(has_text="Workers")).to_contain_text("1 process alive")
    expect(page.get_by_text(re.compile(r"Version \d.*up for"))).to_be_visible()

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/admin/health" in request.url else None)

    def set_visibility(state: str) -> None:
        page.evaluate(
            """state => {
                Object.defineProperty(document, "visibilityState", {configurable: true, get: () => state});
                document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
            }""",
            state,
        )

    with page.expect_response("**/api/v1/admin/health"):
        page.clock.fast_forward(15_500)
    set_visibility("hidden")
    asked.clear()
    for _ in range(4):
        page.clock.fast_forward(15_500)
        page.wait_for_timeout(100)
    assert asked == []
    with page.expect_response("**/api/v1/admin/health"):
        set_visibility("visible")


def test_health_that_cannot_be_renewed_stays_and_says_so(open_browser: Callable[..., Page], admin: Person) -> None:
    page = open_browser(admin)
    visit(page, "/admin/health")

    def refuse(route: Route) -> None:
        problem = {"title": "Internal error", "status": 500, "detail": "A fault of ours.", "errors": []}
        route.fulfill(status=500, json=problem, content_type="application/problem+json")

    page.route("**/api/v1/admin/health", refuse)
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("alert")).to_contain_text("A fault of ours. This is as it was")
    expect(page.get_by_role("list", name="Checks")).to_contain_text("Database")
    page.unroute("**/api/v1/admin/health")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_health_of_a_fault_says_what_to_do(open_browser: Callable[..., Page], admin: Person) -> None:
    page = open_browser(admin)
    visit(page, "/admin/health")
    told: dict[str, Any] = admin.call("GET", "/admin/health")
    fault = {"name": "scheduler", "state": "fault", "value": "silent for 44 s", "advice": "Run `synergy up`."}
    told["checks"] = [fault if check["name"] == "scheduler" else check for check in told["checks"]]
    page.route("**/api/v1/admin/health", lambda route: route.fulfill(json=told))
    page.get_by_role("button", name="Look again").click()
    row = page.get_by_role("list", name="Checks").get_by_role("listitem").filter(has_text="Schedulers")
    expect(row).to_contain_text("Fault")
    expect(row).to_contain_text("silent for 44 s")
    expect(row).to_contain_text("Run synergy up.")
    expect(page.get_by_role("status").filter(has_text="1 fault")).to_be_visible()


def test_backups_from_none_to_proven_to_failed_to_overdue(open_browser: Callable[..., Page], admin: Person) -> None:
    forget_records()
    page = open_browser(admin)
    visit(page, "/admin/backups")
    alarms = page.get_by_role("alert")
    expect(alarms).to_have_count(2)
    expect(alarms.first).to_contain_text("No restore was ever proven")
    expect(alarms.last).to_contain_text("There is no backup")
    expect(page.get_by_text("None is recorded yet")).to_have_count(3)

    record("backup", 5, summary="Kept in /backups.", **BACKUP)
    record("drill", 3, **DRILL)
    record("offsite_copy", 2, backup=BACKUP["id"])
    page.get_by_role("button", name="Look again").click()
    expect(
        page.get_by_text("Last proven restore 3 hr. ago: 24 tables, 10,233 rows, 120 files equal", exact=True)
    ).to_be_visible()
    expect(page.get_by_text("Last good backup 5 hr. ago: 24 tables, 10,233 rows, 120 files, full")).to_be_visible()
    expect(alarms).to_have_count(0)
    drills = page.get_by_role("region", name="Recent: Drills and restores").get_by_role("row")
    expect(drills.filter(has_text="Drill").last).to_contain_text("into a new cluster")

    record("drill", 1, "failed", "The rows differ.", differences=["tasks: 4 rows, 5 in the backup"])
    record("backup", 1, "ok")  # of which nothing is known
    page.get_by_role("button", name="Look again").click()
    expect(alarms).to_have_count(1)
    expect(alarms).to_contain_text("The last try to restore did not go well")
    expect(alarms).to_contain_text("The rows differ. The last proven restore 3 hr. ago")
    expect(page.get_by_role("list", name="Differences")).to_contain_text("tasks: 4 rows, 5 in the backup")
    expect(page.get_by_text("Last good backup 1 hr. ago", exact=True)).to_be_visible()

    forget_records()
    record("backup", 27, **BACKUP)
    record("drill", 27, **DRILL)
    visit(page, "/admin/backups")
    expect(alarms).to_have_count(2)
    expect(alarms.first).to_contain_text("No restore was proven in the last 26 hours")
    expect(alarms.last).to_contain_text("No backup in the last 26 hours")


def test_maintenance_has_what_is_overdue_first_and_says_how(open_browser: Callable[..., Page], admin: Person) -> None:
    forget_records()
    record("weekly.disk_space", 24, summary="A third of the disk is free.")
    record("weekly.error_rates", 24 * 20, summary="Few errors.")
    record("weekly.backups_verified", 24, "attention", "One file is missing.")
    page = open_browser(admin)
    visit(page, "/admin/maintenance")
    expect(page.get_by_role("status").filter(has_text="1 task overdue, 1 task to look at")).to_be_visible()
    for title in ("Daily", "Weekly", "Monthly", "Quarterly"):
        expect(page.get_by_role("list", name=title)).to_be_visible()
    weekly = page.get_by_role("list", name="Weekly").locator("> li")
    expect(weekly.nth(0)).to_contain_text("Error rates")
    expect(weekly.nth(0)).to_contain_text("Overdue")
    expect(weekly.nth(1)).to_contain_text("Backups verified")
    expect(weekly.filter(has_text="Disk space")).to_contain_text("Done")

    weekly.nth(0).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(weekly.nth(0)).to_contain_text("just maintenance run weekly.error_rates")
    expect(weekly.nth(0)).to_contain_text("Few errors.")
    expect(weekly.nth(0).get_by_role("button", name="Copy the command for Error rates")).to_be_visible()
    page.keyboard.press("Enter")
    expect(weekly.nth(0).get_by_text("Few errors.")).to_be_hidden()

    documentation = page.get_by_role("list", name="Quarterly").locator("> li").filter(has_text="Documentation")
    documentation.locator("summary").click()
    expect(documentation.get_by_role("list", name="What to look at").get_by_role("listitem").first).to_be_visible()
    expect(documentation).to_contain_text("Nothing yet.")


def test_settings_are_found_and_tell_no_secret(open_browser: Callable[..., Page], admin: Person) -> None:
    async def settings_of(runtime: Any) -> Any:
        return runtime.settings

    settings = inside(settings_of)
    page = open_browser(admin)
    answer = page.goto("/admin/settings")
    assert answer is not None
    page.wait_for_load_state("networkidle")
    for text in (answer.text(), page.content()):
        assert "SECRET_KEY" in text
        for secret in (*settings.secret_keys, settings.db_password, settings.redis_url, settings.broker_url):
            assert secret not in text or not secret
    secret_key = page.get_by_role("listitem").filter(has_text="SECRET_KEY").first
    expect(secret_key).to_contain_text("Set, never shown")

    page.get_by_label("Find settings").fill("rate limit login")
    expect(page.get_by_role("status").filter(has_text=re.compile("^1 setting$"))).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="SYNERGY_RATE_LIMIT_LOGIN")).to_contain_text("default: 5/5m")
    expect(page).to_have_url(re.compile(r"q=rate\+limit\+login"))
    page.get_by_label("Which", exact=True).select_option("default")
    expect(page.get_by_text("No setting fits this filter.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_label("Find settings")).to_have_value("")
    page.get_by_label("Which", exact=True).select_option("secret")
    expect(page.get_by_role("listitem").filter(has_text="DEFAULT_FROM_EMAIL")).to_have_count(0)
    expect(page.get_by_role("list", name="Files").get_by_role("listitem").first).to_contain_text("Not set")
