from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support import visit, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from support import Person


def test_edit_task_in_its_panel_saves_every_field(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    visit(page, f"/projects/{project['id']}/board")
    page.get_by_role("row").filter(has_text="Draw the navigation").click()
    panel = page.get_by_role("complementary", name=f"Task {task['key']}")
    expect(panel).to_be_visible()
    expect(page).to_have_url(re.compile(rf"\?task={task['key']}$"))

    title = panel.get_by_label("Title")
    title.fill("Draw the main navigation")
    title.press("Enter")
    expect(page.get_by_role("row").filter(has_text="Draw the main navigation")).to_be_visible()

    panel.get_by_role("button", name="Priority: Medium").click()
    page.get_by_role("menuitemradio", name="Urgent").click()
    expect(panel.get_by_role("button", name="Priority: Urgent")).to_be_visible()

    panel.get_by_role("button", name="Assignees: Nobody").click()
    # a click, not check(): the box follows the optimistic change, which comes a moment later
    page.get_by_role("checkbox", name=person.name).click()
    expect(page.get_by_role("checkbox", name=person.name)).to_be_checked()
    page.keyboard.press("Escape")
    expect(panel.get_by_role("button", name=f"Assignees: {person.name}")).to_be_visible()

    panel.get_by_role("button", name="Labels: No labels").click()
    page.get_by_label("Filter labels").fill("Design")
    page.get_by_role("button", name="Create “Design”").click()
    expect(panel.get_by_role("button", name="Labels: Design")).to_be_visible()
    page.keyboard.press("Escape")

    panel.get_by_role("button", name="Due date: No date").click()
    page.get_by_role("button", name="Tomorrow").click()
    expect(panel.get_by_role("button", name="Due date: No date")).to_have_count(0)

    panel.get_by_role("button", name="Add the description").click()
    page.get_by_role("textbox", name="Description").fill("Three levels, **no more**.")
    page.keyboard.press("Control+Enter")
    expect(panel.locator("strong", has_text="no more")).to_be_visible()

    wait_for(lambda: person.call("GET", f"/tasks/{task['key']}")["description"] != "")
    saved = person.call("GET", f"/tasks/{task['key']}")
    assert saved["title"] == "Draw the main navigation"
    assert saved["priority"] == "urgent"
    assert [assignee["id"] for assignee in saved["assignees"]] == [person.id]
    assert [label["name"] for label in saved["labels"]] == ["Design"]
    assert saved["due_date"] is not None

    page.keyboard.press("s")
    expect(page.get_by_role("menu", name="Status")).to_be_visible()
    page.get_by_role("menuitemradio", name="Review").click()
    expect(page.get_by_role("region", name=re.compile("^Review, 1 task$"))).to_be_visible()

    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_work_on_checklist_and_comments_in_the_panel(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    visit(page, f"/projects/{project['id']}/board?task={task['key']}")
    panel = page.get_by_role("complementary", name=f"Task {task['key']}")
    expect(panel).to_be_focused()
    for title in ("Sketch", "Review"):
        field = panel.get_by_label("Add a subtask")
        field.fill(title)
        field.press("Enter")
        expect(panel.get_by_role("checkbox", name=title)).to_be_visible()
    panel.get_by_role("checkbox", name="Sketch").click()
    expect(panel.get_by_role("checkbox", name="Sketch")).to_be_checked()
    expect(panel.get_by_text("1 of 2")).to_be_visible()
    expect(page.get_by_role("row").get_by_text("1/2")).to_be_visible()

    panel.get_by_label("Write a comment").fill("Looks *good*")
    panel.get_by_role("button", name="Comment", exact=True).click()
    expect(panel.locator("em", has_text="good")).to_be_visible()
    panel.get_by_role("article").hover()
    panel.get_by_role("button", name=re.compile("^Actions for the comment")).click()
    page.get_by_role("menuitem", name="Edit").click()
    panel.get_by_label("Edit the comment").fill("Looks better")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Looks better")).to_be_visible()
    expect(panel.get_by_text("(edited)")).to_be_visible()

    panel.get_by_role("article").hover()
    panel.get_by_role("button", name=re.compile("^Actions for the comment")).click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete comment").click()
    expect(panel.get_by_text("Looks better")).to_have_count(0)
    assert person.call("GET", f"/tasks/{task['key']}")["subtasks"] == {"total": 2, "completed": 1}


def test_mention_in_a_comment_notifies_the_other_person(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    task = ada.make_task(project, "Draw the navigation")
    share(project, bob, "member")
    page = open_browser(bob)
    visit(page, "/my-work")
    # that he was added to the project
    expect(page.get_by_role("button", name="Notifications, 1 unread")).to_be_visible()
    ada.call("POST", f"/tasks/{task['key']}/comments", {"body": f"@{bob.username} have a look"})
    page.get_by_role("button", name="Notifications, 2 unread").click()
    page.get_by_role("dialog").get_by_role("link").filter(has_text="have a look").click()
    expect(page.get_by_role("complementary", name=f"Task {task['key']}")).to_be_visible()
    expect(page.get_by_role("button", name="Notifications, 1 unread")).to_be_visible()


def test_find_task_in_the_palette_opens_it(
    open_browser: Callable[..., Page], make_person: Callable[..., Person]
) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    visit(page, "/projects")
    expect(page.get_by_role("link", name=re.compile("Website relaunch")).first).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("searchbox", name="Search").fill("navig")
    expect(page.get_by_role("menuitem", name=re.compile("Draw the navigation"))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.get_by_role("menuitem", name=re.compile("Draw the navigation")).click()
    expect(page.get_by_role("complementary", name=f"Task {task['key']}")).to_be_visible()


def test_add_member_by_search_and_change_the_role(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    shared = ada.make_project("Known from here")
    share(shared, bob, "member")
    project = ada.make_project()
    page = open_browser(ada)
    visit(page, f"/projects/{project['id']}/members")
    page.get_by_role("button", name="Add member").click()
    page.get_by_label("Find people").fill(bob.username)
    page.get_by_role("button", name=re.compile("Bob Kahn")).click()
    page.keyboard.press("Escape")
    role = page.get_by_label("Role of Bob Kahn")
    role.select_option("viewer")
    expect(page.get_by_role("heading", name="2 members")).to_be_visible()

    def role_of_bob() -> str:
        members = ada.call("GET", f"/projects/{project['id']}/members")["items"]
        return {member["user"]["id"]: member["role"] for member in members}[bob.id]

    wait_for(lambda: role_of_bob() == "viewer")
    page.get_by_role("button", name="Remove Bob Kahn").click()
    page.get_by_role("button", name="Remove member").click()
    expect(page.get_by_role("heading", name="1 member", exact=True)).to_be_visible()
