"""Getting in: two factors, forgotten passwords, links of mails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyotp
from playwright.sync_api import expect
from support import PASSWORD, newest_mail, path_in, path_in_mail, visit, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person

NEW_PASSWORD = "another sentence that nobody guesses 8"


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.get_by_label("Username or email").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def set_up_app(page: Page) -> tuple[str, list[str]]:
    """Turn the authenticator app on; its key and the recovery codes."""
    visit(page, "/settings/security")
    page.get_by_role("button", name="Set up the authenticator app").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_alt_text("QR code for the authenticator app")).to_be_visible()
    key = page.get_by_label("Key", exact=True).input_value()
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(key).now())
    page.get_by_role("button", name="Turn it on").click()
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    shown = codes.all_inner_texts()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_role("button", name="Turn off the authenticator app")).to_be_visible()
    return key, shown


def test_sign_in_with_an_app_or_a_recovery_code_needs_both_factors(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    ada = make_person()
    _, codes = set_up_app(open_browser(ada))

    page = open_browser()
    visit(page, "/login?next=/my-work")
    sign_in(page, ada.username)
    expect(page.get_by_role("heading", name="Enter the code of your app")).to_be_visible()
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    visit(page, "/my-work")
    expect(page).to_have_url(re.compile("/login"))  # nobody is in before the second factor

    sign_in(page, ada.username)
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile("/my-work$"))
    visit(page, "/settings/security")
    expect(page.get_by_text("9 codes left")).to_be_visible()


def test_sign_in_with_a_code_by_mail_works_without_scripts(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada = make_person()
    page = open_browser(ada)
    visit(page, "/settings/security")
    page.get_by_role("button", name="Turn on codes by mail").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Mail a code").click()
    page.get_by_label("Code", exact=True).fill(code_in(newest_mail(admin, ada.username, "mfa_code")))
    page.get_by_role("button", name="Turn them on").click()
    page.get_by_role("button", name="I have kept them").click()

    plain = open_browser(java_script_enabled=False)
    plain.goto("/login")
    sign_in(plain, ada.username)
    before = newest_mail(admin, ada.username, "mfa_code")
    plain.get_by_role("button", name="Send the code").click()
    expect(plain.get_by_role("heading", name="Enter the code from the mail")).to_be_visible()
    wait_for(lambda: newest_mail(admin, ada.username, "mfa_code") != before, 20)
    plain.get_by_label("Code", exact=True).fill(code_in(newest_mail(admin, ada.username, "mfa_code")))
    plain.get_by_role("button", name="Sign in", exact=True).click()
    expect(plain).to_have_url(re.compile("/projects$"))


def code_in(text: str) -> str:
    (code,) = re.findall(r"\b(\d{6})\b", text)[:1]
    return code


def test_forget_the_password_and_set_a_new_one_by_the_link(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada = make_person()
    elsewhere = open_browser(ada)
    visit(elsewhere, "/projects")

    page = open_browser()
    visit(page, "/login")
    page.get_by_role("link", name="Forgotten?").click()
    # the page before has a field for an email too
    expect(page.get_by_role("heading", name="Forgotten password")).to_be_visible()
    page.get_by_label("Email").fill(f"{ada.username}@example.org")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mails")).to_be_visible()

    link = path_in_mail(admin, ada, "password_reset", "/reset-password")
    visit(page, link)
    expect(page).to_have_url(re.compile("/reset-password$"))  # the token has left the address bar
    page.get_by_label("New password").fill("password123")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Is on the list of common passwords")).to_be_visible()
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your new password is set")).to_be_visible()
    sign_in(page, ada.username, NEW_PASSWORD)
    expect(page).to_have_url(re.compile("/projects$"))

    visit(elsewhere, "/projects")
    expect(elsewhere).to_have_url(re.compile("/login"))  # signed out everywhere
    visit(elsewhere, link)
    elsewhere.get_by_label("New password").fill(NEW_PASSWORD)
    elsewhere.get_by_role("button", name="Set the password").click()
    expect(elsewhere.get_by_role("heading", name="This link is no longer good")).to_be_visible()


def test_ask_for_a_link_for_an_unknown_address_says_the_same(open_browser: Callable[..., Page]) -> None:
    page = open_browser()
    visit(page, "/forgot-password")
    page.get_by_label("Email").fill("nobody-at-all@example.org")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mails")).to_be_visible()


def test_open_a_page_of_a_link_without_its_token_says_what_to_do(open_browser: Callable[..., Page]) -> None:
    page = open_browser()
    visit(page, "/reset-password")
    expect(page.get_by_role("link", name="Ask for a new one")).to_be_visible()
    visit(page, "/invitations")
    expect(page.get_by_role("heading", name="This invitation is no longer good")).to_be_visible()


def test_change_the_address_by_the_link_to_the_new_one(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada = make_person()
    page = open_browser(ada)
    visit(page, "/settings/profile")
    page.get_by_role("button", name="Change the email address").click()
    page.get_by_label("New address").fill(f"new-{ada.username}@example.org")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Mail the link").click()
    expect(page.get_by_text("Follow the link that was mailed")).to_be_visible()
    visit(page, path_in(newest_mail(admin, f"new-{ada.username}", "email_change"), "/verify-email"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your email address is confirmed")).to_be_visible()
    assert ada.call("GET", "/me")["email"] == f"new-{ada.username}@example.org"


def test_address_of_a_project_that_is_none_leads_nowhere_else(page: Page, base_url: str) -> None:
    """What stands for an id is somebody else's text, and becomes a part of where the browser goes next."""
    for name in ("..%2f%09%2fevil.example:8199", "..%2fadmin%2fusers", "%E2%82%AC", "%00", "x%0d%0ay", "%3Fall=true"):
        answer = page.request.get(f"{base_url}/projects/{name}", max_redirects=0)
        target = answer.headers.get("location", "")
        assert answer.status in {302, 400, 404}, (name, answer.status)
        assert not target or re.fullmatch(r"/projects/[^/]+/board|/login\?next=[^/]+", target), (name, target)
