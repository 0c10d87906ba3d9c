from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support import PASSWORD, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person


def _register(page: Page, username: str) -> None:
    visit(page, "/register")
    page.get_by_label("First name").fill("Grace")
    page.get_by_label("Last name").fill("Hopper")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Email").fill(f"{username}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def test_register_then_sign_out_and_in_leads_to_projects(open_browser: Callable[..., Page]) -> None:
    page = open_browser()
    username = f"grace-{uuid.uuid4().hex[:8]}"
    _register(page, username)
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()

    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name=re.compile("account and appearance")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/login$"))
    visit(page, "/my-work")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fmy-work$"))

    page.get_by_label("Username or email").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/my-work$"))


def test_sign_out_leaves_nothing_of_the_person_in_the_browser(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    page = open_browser(make_person())
    answer = page.goto("/projects")
    assert answer is not None
    assert answer.headers["cache-control"] == "no-store"
    assert page.request.get("/projects.data").headers["cache-control"] == "no-store"
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name=re.compile("account and appearance")).click()
    with page.expect_response(lambda answer: answer.request.method == "POST") as gone:
        page.get_by_role("menuitem", name="Sign out").click()
    assert gone.value.all_headers()["clear-site-data"] == '"cache", "storage"'
    expect(page).to_have_url(re.compile(r"/login$"))
    assert not [cookie["name"] for cookie in page.context.cookies() if re.search("access|refresh", cookie["name"])]
    # how far pages were scrolled, and nothing else
    stored = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert set(stored) <= {"react-router-scroll-positions"}
    page.go_back()
    expect(page).to_have_url(re.compile(r"/login"))


def test_register_with_a_taken_username_says_so_at_the_field(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    page = open_browser()
    _register(page, make_person().username)
    field = page.get_by_label("Username")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Email")).not_to_have_value("")


def test_sign_in_with_a_wrong_password_keeps_the_name(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    page, person = open_browser(), make_person()
    visit(page, "/login")
    page.get_by_label("Username or email").fill(person.username)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Username or email")).to_have_value(person.username)


def test_open_page_without_an_access_cookie_refreshes_once(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    page = open_browser(make_person())
    page.context.clear_cookies(name=re.compile("synergy_access"))
    visit(page, "/projects")
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    assert any(cookie["name"].endswith("synergy_access") for cookie in page.context.cookies())


def test_open_unknown_page_answers_404_with_a_way_back(open_browser: Callable[..., Page]) -> None:
    page = open_browser()
    answer = page.goto("/nothing/here")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(page.get_by_role("link", name="Go to your projects")).to_be_visible()
