"""Queues, dead letters and schedules, as administrators see and steer them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support import choose, visit, wait_for
from system import give_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from support import Person

# both do nothing that another test would see
SWEEP, DEADLINES = "maintenance.sweep_files", "notifications.deadlines"


@pytest.fixture
def no_dead_letters(admin: Person) -> None:
    for job in admin.call("GET", "/admin/jobs?limit=200")["items"]:
        admin.call("DELETE", f"/admin/jobs/{job['id']}")


@pytest.fixture
def schedule(admin: Person) -> Iterator[dict[str, object]]:
    """A schedule, which is as it was afterwards."""
    [found] = [each for each in admin.call("GET", "/admin/schedules")["items"] if each["name"] == "cleanup"]
    path = f"/admin/schedules/{found['id']}"
    yield found
    admin.call("POST", f"{path}/resume")
    admin.call("PATCH", path, {"cron": found["cron"], "timezone": found["timezone"], "missed": found["missed"]})


def test_queues_show_what_waits_and_who_is_alive(
    open_browser: Callable[..., Page], admin: Person, no_dead_letters: None
) -> None:
    give_up(SWEEP)
    page = open_browser(admin)
    visit(page, "/admin/queues")
    rows = page.get_by_role("region", name="Jobs by queue").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="fast")).to_contain_text("what people wait for")
    processes = page.get_by_role("region", name="Background processes").get_by_role("row")
    for role in ("worker", "scheduler"):
        expect(processes.filter(has_text=role).filter(has_text="Alive")).to_have_count(1)
    rows.filter(has_text="bulk").get_by_role("link", name="1").click()
    expect(page).to_have_url(re.compile("/admin/dead-letters$"))
    expect(page.get_by_role("link", name=SWEEP)).to_be_visible()


def test_read_a_dead_letter_and_send_it_again(
    open_browser: Callable[..., Page], admin: Person, no_dead_letters: None
) -> None:
    job_id = give_up(SWEEP, '{"area": "avatars"}', "OSError: the disk went away")
    page = open_browser(admin)
    visit(page, "/admin/dead-letters")
    page.get_by_role("link", name=SWEEP).click()
    dialog = page.get_by_role("dialog", name=SWEEP)
    expect(dialog.get_by_role("region", name="Payload")).to_contain_text('"area": "avatars"')
    expect(dialog.get_by_role("region", name="Text of the last error")).to_contain_text("OSError: the disk went away")
    expect(dialog.get_by_role("listitem")).to_contain_text("#1")
    expect(dialog).to_contain_text("request-of-the-test")
    expect(page).to_have_url(re.compile(f"job={job_id}"))

    dialog.get_by_role("button", name="Send again").click()
    expect(page.get_by_text(f"{SWEEP} is sent again.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("No dead letters")).to_be_visible()
    # and the worker does it
    wait_for(lambda: admin.api.get(f"/admin/jobs/{job_id}").status_code == 404, 15)
    visit(page, f"/admin/dead-letters?job={job_id}")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("There is no such job: it may be done.")


def test_send_all_dead_letters_of_a_kind_again(
    open_browser: Callable[..., Page], admin: Person, no_dead_letters: None
) -> None:
    ids = [give_up(SWEEP), give_up(SWEEP)]
    kept = give_up(DEADLINES)
    page = open_browser(admin)
    visit(page, "/admin/dead-letters")
    expect(page.get_by_role("link", name=SWEEP)).to_have_count(2)
    page.get_by_label("Kind of job").select_option(SWEEP)
    expect(page.get_by_role("link", name=DEADLINES)).to_have_count(0)
    page.get_by_role("button", name="Send all of this kind again").click()
    page.get_by_role("dialog", name=f"Send all dead letters of {SWEEP} again?").get_by_role(
        "button", name="Send again"
    ).click()
    expect(page.get_by_text("2 jobs sent again.")).to_be_visible()
    expect(page.get_by_text("None of this kind")).to_be_visible()
    page.get_by_role("button", name="Show all kinds").click()
    expect(page.get_by_role("link", name=DEADLINES)).to_be_visible()
    wait_for(lambda: {admin.api.get(f"/admin/jobs/{job_id}").status_code for job_id in ids} == {404}, 15)
    assert admin.call("GET", f"/admin/jobs/{kept}")["state"] == "dead"

    page.get_by_role("button", name="Send all again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.get_by_text("1 job sent again.")).to_be_visible()


def test_delete_a_dead_letter_by_keyboard_warns_that_it_is_for_good(
    open_browser: Callable[..., Page], admin: Person, no_dead_letters: None
) -> None:
    job_id = give_up("message", '{"message": "{not json"}', "malformed: DecodeError")
    page = open_browser(admin)
    visit(page, "/admin/dead-letters")
    page.get_by_role("link", name="message").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="message")
    expect(dialog).to_contain_text("names no job")
    expect(dialog.get_by_role("button", name="Send again")).to_have_count(0)
    dialog.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("This cannot be undone.")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    assert admin.api.get(f"/admin/jobs/{job_id}").status_code == 200

    dialog.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("message is deleted.")).to_be_visible()
    expect(page.get_by_text("No dead letters")).to_be_visible()
    assert admin.api.get(f"/admin/jobs/{job_id}").status_code == 404


def test_dead_letter_that_somebody_else_was_quicker_with_says_so(
    open_browser: Callable[..., Page], admin: Person, no_dead_letters: None
) -> None:
    job_id = give_up(SWEEP)
    page = open_browser(admin)
    visit(page, f"/admin/dead-letters?job={job_id}")
    dialog = page.get_by_role("dialog", name=SWEEP)
    expect(dialog).to_be_visible()
    admin.call("DELETE", f"/admin/jobs/{job_id}")
    dialog.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("The job was not sent again. There is no such job: it may be done.")).to_be_visible()


def test_pause_resume_and_run_a_schedule(
    open_browser: Callable[..., Page], admin: Person, schedule: dict[str, object]
) -> None:
    page = open_browser(admin)
    visit(page, "/admin/schedules")
    row = page.get_by_role("row").filter(has_text="cleanup")
    expect(row).to_contain_text("30 2 * * *")
    choose(page, "Actions for cleanup", "Pause")
    expect(page.get_by_text("cleanup is paused.")).to_be_visible()
    expect(row).to_contain_text("Paused")
    page.get_by_role("button", name="Undo").click()
    expect(row).not_to_contain_text("Paused")
    choose(page, "Actions for cleanup", "Pause")
    expect(row).to_contain_text("Paused")
    choose(page, "Actions for cleanup", "Resume")
    expect(page.get_by_text("cleanup goes on.")).to_be_visible()
    expect(row).not_to_contain_text("Paused")

    def last_run() -> object:
        [found] = [each for each in admin.call("GET", "/admin/schedules")["items"] if each["id"] == schedule["id"]]
        return found["last_run_at"]

    before = last_run()
    choose(page, "Actions for cleanup", "Run now")
    expect(page.get_by_text("cleanup runs within two seconds.")).to_be_visible()
    wait_for(lambda: last_run() != before, 10)
    page.get_by_role("button", name="Look again").click()
    expect(row).to_contain_text("just now")


def test_change_a_schedule_shows_at_its_fields_what_the_server_refuses(
    open_browser: Callable[..., Page], admin: Person, schedule: dict[str, object]
) -> None:
    page = open_browser(admin)
    visit(page, "/admin/schedules")
    row = page.get_by_role("row").filter(has_text="cleanup")
    choose(page, "Actions for cleanup", "Change")
    dialog = page.get_by_role("dialog", name="Change cleanup")
    cron, zone = dialog.get_by_label("Cron expression"), dialog.get_by_label("Time zone")
    expect(cron).to_have_value("30 2 * * *")
    save = dialog.get_by_role("button", name="Save")

    def expect_refusal(field: str, words: str) -> None:
        wrong = dialog.get_by_label(field)
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(wrong).to_have_accessible_description(re.compile(words))

    cron.fill("every night")
    save.click()
    expect_refusal("Cron expression", "no cron expression of five fields")
    cron.fill("99 2 * * *")
    save.click()
    expect_refusal("Cron expression", "ever due")
    cron.fill("15 3 * * *")
    zone.fill("Europe/Nowhere")
    save.click()
    expect_refusal("Time zone", "IANA time zone")
    zone.fill("Europe/Vienna")
    save.click()
    expect(page.get_by_text("cleanup is changed.")).to_be_visible()
    expect(row).to_contain_text("15 3 * * *")
    expect(row).to_contain_text("Europe/Vienna")

    choose(page, "Actions for cleanup", "Change")
    dialog.get_by_role("radio", name="again and again after some time").check()
    seconds = dialog.get_by_label("Seconds between two runs")
    seconds.fill("5400")
    expect(seconds).to_have_accessible_description("That is 1 h 30 min.")
    seconds.fill("5")
    save.click()
    expect_refusal("Seconds between two runs", "10")
    seconds.fill("5400")
    save.click()
    expect(row).to_contain_text("every 1 h 30 min")


def test_change_a_schedule_that_somebody_else_changed_meanwhile_saves_nothing_unseen(
    open_browser: Callable[..., Page], admin: Person, schedule: dict[str, object]
) -> None:
    page = open_browser(admin)
    visit(page, "/admin/schedules")
    choose(page, "Actions for cleanup", "Change")
    dialog = page.get_by_role("dialog", name="Change cleanup")
    dialog.get_by_label("Cron expression").fill("0 5 * * *")
    admin.call("PATCH", f"/admin/schedules/{schedule['id']}", {"cron": "0 4 * * *"})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("was changed while you edited it")
    dialog.get_by_role("button", name="Show what it is now").click()
    expect(dialog.get_by_label("Cron expression")).to_have_value("0 4 * * *")
    dialog.get_by_label("Cron expression").fill("0 6 * * *")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="cleanup")).to_contain_text("0 6 * * *")
