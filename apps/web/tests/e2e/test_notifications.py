from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support import path_in_mail, visit, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from support import Person


def bell_of(page: Page, unread: int = 0) -> Locator:
    """The bell that is shown, when it tells that many unread ones."""
    name = f"Notifications, {unread} unread" if unread else "Notifications"
    return page.get_by_role("button", name=name, exact=True)


def test_notification_of_another_person_arrives_live_and_is_read_by_opening_it(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    share(project, bob, "member")
    page = open_browser(bob)
    visit(page, "/my-work")
    expect(bell_of(page, 1)).to_be_visible()  # that he was added
    task = ada.make_task(project, "Draw the navigation", assignee_ids=[bob.id])
    expect(bell_of(page, 2)).to_be_visible()
    expect(page.get_by_role("status").get_by_text("2 unread notifications")).to_have_count(1)

    bell_of(page, 2).press("Enter")
    popover = page.get_by_role("dialog", name="Notifications")
    row = popover.get_by_role("link").filter(has_text="Draw the navigation")
    expect(row.get_by_text("Unread")).to_be_visible()
    row.press("Enter")
    expect(page.get_by_role("complementary", name=f"Task {task['key']}")).to_be_visible()
    expect(popover).to_have_count(0)
    expect(bell_of(page, 1)).to_be_visible()
    wait_for(lambda: bob.call("GET", "/notifications/unread-count") == {"unread": 1})


def test_mark_all_as_read_reaches_the_other_window_too(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    for name in ("One", "Two"):
        share(ada.make_project(name), bob, "member")
    wait_for(lambda: bob.call("GET", "/notifications/unread-count") == {"unread": 2})
    page, other = open_browser(bob), open_browser(bob)
    for each in (page, other):
        visit(each, "/my-work")
        expect(bell_of(each, 2)).to_be_visible()
    bell_of(page, 2).click()
    page.get_by_role("dialog", name="Notifications").get_by_role("button", name="Mark all as read").click()
    page.keyboard.press("Escape")
    for each in (page, other):
        expect(bell_of(each)).to_be_visible()


def test_filter_the_page_of_notifications_and_delete_what_is_read(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    share(project, bob, "member")
    task = ada.make_task(project, "Draw the navigation", assignee_ids=[bob.id])
    ada.call("POST", f"/tasks/{task['key']}/comments", {"body": f"@{bob.username} have a look"})
    wait_for(lambda: bob.call("GET", "/notifications/unread-count") == {"unread": 3})
    page = open_browser(bob)
    visit(page, "/notifications")
    main = page.get_by_role("region", name="Notifications")
    rows = main.get_by_role("listitem")
    expect(rows).to_have_count(3)

    page.get_by_role("button", name="Type").click()
    page.get_by_role("menuitemcheckbox", name="Mentions of you").click()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?type=mention$"))
    rows.get_by_role("link").click()
    expect(page.get_by_role("complementary", name=f"Task {task['key']}")).to_be_visible()

    visit(page, "/notifications?type=mention&unread=1")
    expect(main.get_by_text("Nothing of this kind")).to_be_visible()
    main.get_by_role("link", name="Show everything").click()
    expect(rows).to_have_count(3)
    main.get_by_role("button", name="Delete read").click()
    page.get_by_role("button", name="Delete read notifications").click()
    expect(rows).to_have_count(2)
    expect(main.get_by_text("mentioned you")).to_have_count(0)

    main.get_by_role("button", name="Mark all as read").click()
    main.get_by_role("link", name="Unread").click()
    expect(main.get_by_text("You have read everything")).to_be_visible()
    assert len(bob.call("GET", "/notifications")["items"]) == 2


def test_long_list_of_notifications_is_loaded_by_and_by(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    share(project, bob, "member")
    for number in range(32):
        ada.make_task(project, f"Task {number}", assignee_ids=[bob.id])
    wait_for(lambda: bob.call("GET", "/notifications/unread-count") == {"unread": 33})
    page = open_browser(bob)
    visit(page, "/notifications")
    rows = page.get_by_role("region", name="Notifications").get_by_role("listitem")
    expect(rows).to_have_count(30)
    page.get_by_role("button", name="Show older").click()
    expect(rows).to_have_count(33)
    rows.last.get_by_role("link").focus()  # the oldest: that he was added
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Website relaunch")).to_be_visible()


def test_preferences_are_still_there_after_a_reload(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    page = open_browser(person, timezone_id="Europe/Berlin")
    visit(page, "/settings/notifications")
    mails, shown = (
        page.get_by_role("checkbox", name="Mentions of you: by email"),
        page.get_by_role("checkbox", name="Comments on your tasks: in the app"),
    )
    expect(mails).to_be_checked()
    mails.uncheck()
    shown.uncheck()
    page.get_by_role("radio", name="All together, once a week").check()
    page.get_by_label("Day", exact=True).select_option("Thursday")
    time = page.get_by_label("Time", exact=True)
    time.fill("07:30")
    time.blur()
    page.get_by_role("button", name="Use Europe/Berlin").click()
    expect(page.get_by_text("in Europe/Berlin")).to_be_visible()

    def saved() -> bool:
        now = person.call("GET", "/me/notification-preferences")
        return (now["digest"], now["digest_weekday"], now["digest_time"], now["timezone"]) == (
            "weekly",
            "thursday",
            "07:30",
            "Europe/Berlin",
        )

    wait_for(saved)
    visit(page, "/settings/notifications")
    expect(mails).not_to_be_checked()
    expect(shown).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Mentions of you: in the app")).to_be_checked()
    expect(page.get_by_role("radio", name="All together, once a week")).to_be_checked()
    expect(page.get_by_label("Day", exact=True)).to_have_value("thursday")
    expect(time).to_have_value("07:30")
    time.fill("08:15")
    time.press("Enter")
    wait_for(lambda: person.call("GET", "/me/notification-preferences")["digest_time"] == "08:15")
    expect(time).to_have_value("08:15")
    expect(time).to_be_focused()


def test_refused_preference_goes_back_with_a_message_and_can_be_tried_again(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    page = open_browser(person)
    visit(page, "/settings/notifications")
    preferences = "**/api/v1/me/notification-preferences"
    page.route(preferences, lambda route: route.abort())
    box = page.get_by_role("checkbox", name="Mentions of you: by email")
    box.click()
    expect(page.get_by_text("The setting was not saved.")).to_be_visible()
    expect(box).to_be_checked()
    page.unroute(preferences)
    page.get_by_role("button", name="Retry").click()
    expect(box).not_to_be_checked()

    def is_off() -> bool:
        return not person.call("GET", "/me/notification-preferences")["types"]["mention"]["email"]

    wait_for(is_off)


def test_confirm_the_address_and_unsubscribe_by_the_links_of_mails(
    open_browser: Callable[..., Page],
    make_person: Callable[..., Person],
    share: Callable[..., None],
    admin: Person,
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    page = open_browser()
    visit(page, path_in_mail(admin, bob, "verification", "/verify-email"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your email address is confirmed")).to_be_visible()

    project = ada.make_project()
    share(project, bob, "member")
    task = ada.make_task(project, "Draw the navigation")
    ada.call("POST", f"/tasks/{task['key']}/comments", {"body": f"@{bob.username} have a look"})
    link = path_in_mail(admin, bob, "mention", "/unsubscribe/")
    visit(page, link)
    expect(page.get_by_text("Mentions of you")).to_be_visible()
    assert bob.call("GET", "/me/notification-preferences")["types"]["mention"]["email"]  # looking changes nothing
    page.get_by_role("button", name="Switch these mails off").click()
    expect(page.get_by_role("heading", name="You get no more of these mails")).to_be_visible()
    types = bob.call("GET", "/me/notification-preferences")["types"]
    assert not types["mention"]["email"]
    assert types["task_assigned"]["email"]


def test_open_broken_unsubscribe_link_says_what_to_do(open_browser: Callable[..., Page]) -> None:
    page = open_browser(java_script_enabled=False)
    answer = page.goto("/unsubscribe/not-a-token")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("alert")).to_contain_text("copy it from the mail again")
    expect(page.get_by_role("link", name="Choose what you are told")).to_be_visible()
