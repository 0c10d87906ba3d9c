"""People of a project: invitations, ownership; and accounts, as administrators see them."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support import PASSWORD, newest_mail, path_in, path_in_mail, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person


def confirm_address(admin: Person, person: Person) -> None:
    token = path_in_mail(admin, person, "verification", "/verify-email").partition("token=")[2]
    person.call("POST", "/auth/email/verify", {"token": token})


def invite(page: Page, project_id: str, email: str) -> None:
    visit(page, f"/projects/{project_id}/members")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()


def test_invite_somebody_new_who_registers_and_joins(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada = make_person()
    confirm_address(admin, ada)
    project = ada.make_project("Website relaunch")
    page = open_browser(ada)
    name = f"grace-{uuid.uuid4().hex[:8]}"
    invite(page, project["id"], f"{name}@example.org")
    open_invitations = page.get_by_role("list", name="Invitations").get_by_role("listitem")
    expect(open_invitations).to_have_count(1)

    guest = open_browser()
    visit(guest, path_in(newest_mail(admin, name, "invitation"), "/invitations"))
    expect(guest.get_by_role("heading", name="Join Website relaunch")).to_be_visible()
    expect(guest).to_have_url(re.compile("/invitations$"))
    guest.get_by_label("First name").fill("Grace")
    guest.get_by_label("Last name").fill("Hopper")
    guest.get_by_label("Username").fill(ada.username)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Create account and join").click()
    expect(guest.get_by_label("Username")).to_have_attribute("aria-invalid", "true")
    guest.get_by_label("Username").fill(name)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Create account and join").click()
    expect(guest).to_have_url(re.compile(f"/projects/{project['id']}"))

    visit(page, f"/projects/{project['id']}/members")
    expect(page.get_by_role("row", name=re.compile("Grace Hopper"))).to_be_visible()
    expect(open_invitations).to_have_count(0)


def test_invite_somebody_with_an_account_who_signs_in_and_joins(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    confirm_address(admin, ada)
    project = ada.make_project()
    invite(open_browser(ada), project["id"], f"{bob.username}@example.org")

    page = open_browser()
    visit(page, path_in_mail(admin, bob, "invitation", "/invitations"))
    page.get_by_role("link", name="Sign in to join").click()
    page.get_by_label("Username or email").fill(bob.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Join the project").click()
    expect(page).to_have_url(re.compile(f"/projects/{project['id']}"))


def test_withdraw_an_invitation_voids_its_link(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    ada = make_person()
    confirm_address(admin, ada)
    project = ada.make_project()
    page = open_browser(ada)
    name = f"grace-{uuid.uuid4().hex[:8]}"
    invite(page, project["id"], f"{name}@example.org")
    link = path_in(newest_mail(admin, name, "invitation"), "/invitations")
    page.get_by_role("button", name=f"Withdraw the invitation to {name}@example.org").click()
    expect(page.get_by_role("list", name="Invitations")).to_have_count(0)
    guest = open_browser()
    visit(guest, link)
    expect(guest.get_by_role("heading", name="This invitation is no longer good")).to_be_visible()


def test_transfer_a_project_and_leave_it(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    share(project, bob, "member")
    page = open_browser(ada)
    visit(page, f"/projects/{project['id']}/members")
    page.get_by_role("button", name="Make Bob Kahn the owner").click()
    page.get_by_role("button", name="Transfer the project").click()
    expect(page.get_by_text("Bob Kahn owns the project now.")).to_be_visible()
    page.get_by_role("button", name="Leave the project").click()
    page.get_by_role("button", name="Leave", exact=True).click()
    expect(page).to_have_url(re.compile("/projects$"))
    assert bob.call("GET", f"/projects/{project['id']}")["owner"]["id"] == bob.id
    assert ada.api.get(f"/projects/{project['id']}").status_code == 404


def test_make_deactivate_and_delete_an_account(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    page = open_browser(admin)
    visit(page, "/admin")
    name = f"grace-{uuid.uuid4().hex[:8]}"
    page.get_by_role("button", name="New user").click()
    page.get_by_label("First name").fill("Grace")
    page.get_by_label("Last name").fill("Hopper")
    page.get_by_label("Username", exact=True).fill(name)
    page.get_by_label("Email", exact=True).fill(f"{name}@example.org")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("A link to choose a password is on its way")).to_be_visible()

    guest = open_browser()
    visit(guest, path_in(newest_mail(admin, name, "password_set"), "/reset-password"))
    guest.get_by_label("New password").fill(PASSWORD)
    guest.get_by_role("button", name="Set the password").click()
    expect(guest.get_by_text("Your new password is set")).to_be_visible()
    guest.get_by_label("Username or email").fill(name)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Sign in", exact=True).click()
    expect(guest).to_have_url(re.compile("/projects$"))

    page.get_by_label("Find users").fill(name)
    row = page.get_by_role("row", name=re.compile(f"@{name}"))
    row.get_by_label("Role of Grace Hopper").select_option("manager")
    expect(page.get_by_text("Grace Hopper is now manager.")).to_be_visible()
    row.get_by_role("button", name="More actions for Grace Hopper").click()
    page.get_by_role("menuitem", name="Deactivate").click()
    page.get_by_role("button", name="Deactivate", exact=True).click()
    expect(row).to_contain_text("deactivated")
    visit(guest, "/projects")
    expect(guest).to_have_url(re.compile("/login"))

    row.get_by_role("button", name="More actions for Grace Hopper").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("No account fits this filter.")).to_be_visible()

    page.get_by_role("link", name="Security events").click()
    page.get_by_label("Type").select_option("user_deactivated")
    expect(page.get_by_role("cell", name="Account deactivated").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "user_deactivated" in download.value.path().read_text()


def test_member_is_offered_no_administration(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], admin: Person
) -> None:
    for person, count in ((make_person(), 0), (admin, 1)):
        page = open_browser(person)
        visit(page, "/projects")
        main = page.get_by_role("navigation", name="Main")
        expect(main.get_by_role("link", name="My work")).to_be_visible()
        expect(main.get_by_role("link", name="Administration")).to_have_count(count)
