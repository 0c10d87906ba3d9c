from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from support import visit, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page
    from support import Person

MIB = 1024 * 1024
# what a browser makes of files that come from outside
FILES = """(files) => {
    const data = new DataTransfer();
    for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name, { type: "text/plain" }));
    return data;
}"""
PASTE = """([data, target]) => target.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))"""


def open_task(page: Page, project: dict[str, str], task: dict[str, str]) -> Locator:
    visit(page, f"/projects/{project['id']}/board?task={task['key']}")
    panel = page.get_by_role("complementary", name=f"Task {task['key']}")
    expect(panel).to_be_focused()  # so its scripts have taken over
    return panel


def attachments_of(person: Person, task: dict[str, str]) -> list[dict[str, object]]:
    return person.call("GET", f"/tasks/{task['key']}/attachments")["items"]


def test_attach_a_file_by_the_button_shows_it_to_all_and_gives_it_back(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None], tmp_path: Path
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    task = ada.make_task(project, "Draw the navigation")
    share(project, bob, "viewer")
    file = tmp_path / "Plan für März.txt"
    file.write_bytes(b"Plant the trees.\n" * 1000)
    page, other = open_browser(ada), open_browser(bob)
    panel, watched = open_task(page, project, task), open_task(other, project, task)
    expect(panel.get_by_text("Drop files here, or paste them.")).to_be_visible()
    expect(watched.get_by_text("No files.")).to_be_visible()
    expect(watched.get_by_role("button", name="Attach files")).to_have_count(0)

    with page.expect_file_chooser() as choosing:
        panel.get_by_role("button", name="Attach files").press("Enter")
    choosing.value.set_files(file)
    for place in (panel, watched):
        expect(place.get_by_role("link", name="Plan für März.txt")).to_be_visible()
        expect(place.get_by_text("17 kB")).to_be_visible()
        expect(place.get_by_text("Ada Lovelace", exact=True)).to_be_visible()
    expect(panel.get_by_role("status").get_by_text("Plan für März.txt is attached.")).to_have_count(1)
    expect(other.get_by_role("row").get_by_text("1 attachments")).to_be_visible()

    with other.expect_download() as downloading:
        watched.get_by_role("link", name="Plan für März.txt").click()
    assert downloading.value.suggested_filename == "Plan für März.txt"
    saved = tmp_path / "saved"
    downloading.value.save_as(saved)
    assert saved.read_bytes() == file.read_bytes()

    expect(watched.get_by_role("button", name="Delete Plan")).to_have_count(0)
    panel.get_by_role("button", name="Delete Plan für März.txt").press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    panel.get_by_role("button", name="Delete Plan für März.txt").press("Enter")
    expect(page.get_by_role("button", name="Delete file")).to_be_focused()
    page.keyboard.press("Enter")
    for place in (panel, watched):
        expect(place.get_by_role("link", name="Plan für März.txt")).to_have_count(0)
    visit(page, f"/projects/{project['id']}/activity")
    expect(page.get_by_text("attached a file to")).to_be_visible()
    expect(page.get_by_text("deleted a file of")).to_be_visible()


def test_attach_files_by_drop_and_paste(open_browser: Callable[..., Page], make_person: Callable[..., Person]) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    panel = open_task(page, project, task)
    dropped = page.evaluate_handle(FILES, {"one.txt": "1", "two.txt": "2"})
    target = panel.get_by_label("Title")
    target.dispatch_event("dragover", {"dataTransfer": dropped})
    target.dispatch_event("drop", {"dataTransfer": dropped})
    for name in ("one.txt", "two.txt"):
        expect(panel.get_by_role("link", name=name)).to_be_visible()

    pasted = page.evaluate_handle(FILES, {"three.txt": "3"})
    page.evaluate(PASTE, [pasted, panel.get_by_label("Write a comment").element_handle()])
    expect(panel.get_by_role("link", name="three.txt")).to_be_visible()
    names = {str(file["name"]) for file in attachments_of(person, task)}
    assert names == {"one.txt", "two.txt", "three.txt"}


def test_cancel_an_upload_keeps_nothing(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], tmp_path: Path
) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    panel = open_task(page, project, task)
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    line = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": MIB // 2}
    slow.send("Network.emulateNetworkConditions", line)
    film, note = tmp_path / "film.mp4", tmp_path / "note.txt"
    film.write_bytes(bytes(8 * MIB))
    note.write_bytes(b"short")
    panel.get_by_label("Files to attach").set_input_files(film)
    bar = panel.get_by_role("progressbar", name="Uploading film.mp4")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("[1-9]"))
    panel.get_by_role("button", name="Cancel the upload of film.mp4").press("Enter")
    expect(bar).to_have_count(0)
    slow.send("Network.emulateNetworkConditions", {**line, "uploadThroughput": -1})
    panel.get_by_label("Files to attach").set_input_files(note)
    expect(panel.get_by_role("link", name="note.txt")).to_be_visible()
    assert [file["name"] for file in attachments_of(person, task)] == ["note.txt"]


def test_attach_a_file_that_is_too_large_says_so(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], tmp_path: Path
) -> None:
    person = make_person()
    project = person.make_project()
    task = person.make_task(project, "Draw the navigation")
    page = open_browser(person)
    panel = open_task(page, project, task)
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(50 * MIB + 1)
    panel.get_by_label("Files to attach").set_input_files(film)
    expect(panel.get_by_text("The file is larger than 50 MiB.", exact=True)).to_be_visible(timeout=30_000)
    panel.get_by_role("button", name="Dismiss film.mp4").click()
    expect(panel.get_by_text("film.mp4", exact=True)).to_have_count(0)
    wait_for(lambda: attachments_of(person, task) == [])


def test_attach_without_permission_says_so(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    task = ada.make_task(project, "Draw the navigation")
    share(project, bob, "member")
    page = open_browser(bob)
    panel = open_task(page, project, task)
    # so that the page does not hear of it
    page.context.set_offline(True)
    ada.call("PATCH", f"/projects/{project['id']}/members/{bob.id}", {"role": "viewer"})
    panel.get_by_label("Files to attach").set_input_files(
        {"name": "note.txt", "mimeType": "text/plain", "buffer": b"short"}
    )
    expect(panel.get_by_role("listitem").get_by_text("It could not be sent.")).to_be_visible()
    page.context.set_offline(False)
    panel.get_by_role("button", name="Try note.txt again").click()
    refusal = "As viewer of this project you may not add files. Ask its owner or a manager."
    expect(panel.get_by_role("listitem").get_by_text(refusal)).to_be_visible()
    assert attachments_of(ada, task) == []
