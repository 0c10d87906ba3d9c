"""What people set for themselves: profile, picture, password, devices, tokens."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect
from support import PASSWORD, path_in_mail, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(content, "PNG")
    return content.getvalue()


def test_save_the_profile_and_a_picture_shows_them_everywhere(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    ada = make_person()
    page = open_browser(ada)
    visit(page, "/settings")
    page.get_by_label("First name").fill("Augusta Ada")
    page.get_by_label("Department").fill("Mathematics")
    page.get_by_label("Timezone").fill("Europe/London")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    page.get_by_label("Timezone").fill("Nowhere/Land")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_text("Is not an IANA time zone")).to_be_visible()

    page.locator("input[type=file]").set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    expect(page.locator("aside img")).to_have_js_property("naturalWidth", 256)
    me = ada.call("GET", "/me")
    assert (me["first_name"], me["department"], me["timezone"]) == ("Augusta Ada", "Mathematics", "Europe/London")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("aside img")).to_have_count(0)


def test_change_the_password_ends_the_other_sessions(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    ada = make_person()
    page, elsewhere = open_browser(ada), open_browser(ada)
    visit(page, "/settings/security")
    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password").fill("another sentence that nobody guesses 8")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    visit(elsewhere, "/projects")
    expect(elsewhere).to_have_url(re.compile("/login"))
    visit(page, "/settings/security")
    expect(page.get_by_role("list", name="Security events").get_by_text("Password changed")).to_be_visible()


def test_end_a_session_from_the_list_of_devices(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    ada = make_person()
    page = open_browser(ada)
    other = open_browser(ada, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    visit(other, "/projects")
    visit(page, "/settings/security")
    devices = page.get_by_role("list", name="Devices").get_by_role("listitem")
    expect(devices.first).to_contain_text("this device")
    page.get_by_role("button", name=re.compile("End the session of Firefox")).click()
    expect(page.get_by_text("The session is ended.")).to_be_visible()
    expect(devices.filter(has_text="Firefox")).to_have_count(0)
    visit(other, "/projects")
    expect(other).to_have_url(re.compile("/login"))

    page.get_by_role("button", name="End all others").click()
    page.get_by_role("button", name="End them").click()
    expect(devices).to_have_count(1)
    assert ada.api.get("/me").status_code == 401


def test_make_a_token_use_it_and_revoke_it(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person, base_url: str
) -> None:
    ada = make_person()
    page = open_browser(ada)
    visit(page, "/settings/tokens")
    expect(page.get_by_role("button", name="New token")).to_have_count(0)  # the address comes first
    visit(page, path_in_mail(admin, ada, "verification", "/verify-email"))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your email address is confirmed")).to_be_visible()

    visit(page, "/settings/tokens")
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Name").fill("Nightly report")
    page.get_by_role("button", name="Make the token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    page.get_by_role("button", name="I have copied it").click()
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{base_url}/api/v1/me", headers=headers).status_code == 200
    assert httpx.post(f"{base_url}/api/v1/projects", json={"name": "X"}, headers=headers).status_code == 403

    page.get_by_role("button", name="Revoke Nightly report").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("Nightly report is revoked.")).to_be_visible()
    assert httpx.get(f"{base_url}/api/v1/me", headers=headers).status_code == 401


def test_delete_ones_account_leads_out(open_browser: Callable[..., Page], make_person: Callable[..., Person]) -> None:
    ada = make_person()
    page = open_browser(ada)
    visit(page, "/settings/profile")
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    assert ada.api.get("/me").status_code == 401


@pytest.mark.parametrize(
    ("search", "role", "words"),
    [
        ("linked=corp", "status", "Corp is linked: you can sign in with it."),
        ("link_error=identity_taken", "alert", "That account signs in as somebody else here already."),
        ("link_error=something_new", "alert", "The account was not linked. Try again."),
    ],
)
def test_way_back_from_a_provider_says_once_what_came_of_it(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], search: str, role: str, words: str
) -> None:
    page = open_browser(make_person())
    visit(page, f"/settings/security?{search}")
    section = page.get_by_role("region", name="Single sign-on")
    expect(section.get_by_role(role)).to_contain_text(words)
    expect(page).to_have_url(re.compile(r"/settings/security$"))
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(section).to_be_visible()
    expect(section.get_by_role(role)).to_have_count(0)
