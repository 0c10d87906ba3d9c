from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from support import choose, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from support import Person


class Receiver(ThreadingHTTPServer):
    """Takes messages on loopback, and answers with the status that it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.received: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def types(self) -> list[str]:
        return [body["type"] for _, body in self.received]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.headers["webhook-id"], json.loads(body)))
        answer = f"seen {len(self.server.received)}".encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Into no log."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def make_webhook(owner: Person, project: dict[str, Any], url: str, **fields: Any) -> dict[str, Any]:
    return owner.call("POST", f"/projects/{project['id']}/webhooks", {"name": "Our chat", "url": url, **fields})[
        "webhook"
    ]


def test_create_webhook_then_test_and_redeliver_shows_what_the_receiver_said(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    page = open_browser(admin, permissions=["clipboard-read", "clipboard-write"])
    visit(page, f"/projects/{project['id']}/board")
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Name").fill("Our chat")
    page.get_by_label("Address").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")

    page.get_by_label("Address").fill(receiver.url)
    page.get_by_role("radio", name="Only these").check()
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("group", name="Events").get_by_text(re.compile("must|at least|length"))).to_be_visible()
    page.get_by_role("checkbox", name="task.created").check()
    page.get_by_role("button", name="Create webhook").click()

    secret = page.get_by_label("Secret", exact=True).input_value()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.keyboard.press("Escape")  # not lost by a slip
    page.get_by_role("button", name="I have copied it").click()
    expect(page).to_have_url(re.compile(r"/webhooks/[0-9a-f-]{36}$"))
    expect(page.get_by_text(secret)).to_have_count(0)
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()

    page.get_by_role("button", name="Send a test").first.click()
    dialog = page.get_by_role("dialog", name="Delivery of webhook.test")
    expect(dialog.get_by_text("Delivered")).to_be_visible()
    expect(dialog.get_by_text("Status 200")).to_be_visible()
    dialog.get_by_text("Answer of the receiver").click()
    expect(dialog.get_by_text("seen 1")).to_be_visible()
    expect(dialog.get_by_label("Content of the message")).to_contain_text('"type": "webhook.test"')
    assert receiver.types() == ["webhook.test"]

    first = page.url
    dialog.get_by_role("button", name="Send again").click()
    expect(page).not_to_have_url(first)
    expect(dialog.get_by_text("Delivered")).to_be_visible()
    dialog.get_by_text("Answer of the receiver").click()
    expect(dialog.get_by_text("seen 2")).to_be_visible()
    assert receiver.received[0][0] == receiver.received[1][0]  # the same message
    page.keyboard.press("Escape")
    expect(page.get_by_role("listitem").filter(has_text="webhook.test")).to_have_count(2)
    expect(page.get_by_role("definition").filter(has_text=re.compile("^2, last"))).to_be_visible()


def test_failed_delivery_is_found_by_its_state_and_sent_again_when_mended(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    webhook = make_webhook(admin, project, receiver.url)
    receiver.status = 500
    admin.call("POST", f"/webhooks/{webhook['id']}/test")
    page = open_browser(admin)
    visit(page, f"/projects/{project['id']}/webhooks")
    page.get_by_role("link", name=re.compile("^Our chat")).click()
    rows = page.get_by_role("region", name="Deliveries").get_by_role("listitem")
    expect(rows.get_by_text("Failed")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("status").get_by_text("Failing")).to_be_visible()
    page.get_by_label("State of deliveries").select_option("Delivered")
    expect(page.get_by_text("None is delivered")).to_be_visible()
    page.get_by_label("State of deliveries").select_option("Failed")
    rows.get_by_role("link").click()
    dialog = page.get_by_role("dialog", name="Delivery of webhook.test")
    expect(dialog.get_by_text("Status 500")).to_be_visible()
    receiver.status = 200
    dialog.get_by_role("button", name="Send again").click()
    expect(dialog.get_by_text("Delivered")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("main").get_by_role("status").get_by_text("Active")).to_be_visible()


def test_long_log_of_deliveries_is_loaded_by_and_by(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    webhook = make_webhook(admin, project, receiver.url)
    for _ in range(33):
        admin.call("POST", f"/webhooks/{webhook['id']}/test")
    page = open_browser(admin)
    visit(page, f"/projects/{project['id']}/webhooks/{webhook['id']}")
    rows = page.get_by_role("region", name="Deliveries").get_by_role("listitem")
    expect(rows).to_have_count(30)
    page.route(re.compile(r"/deliveries\?.*cursor="), lambda route: route.abort())
    page.get_by_role("button", name="Show older").click()
    expect(page.get_by_role("alert").filter(has_text="What is older did not come")).to_be_visible(timeout=15_000)
    page.unroute_all()
    page.get_by_role("button", name="Show older").click()
    expect(rows).to_have_count(33)
    expect(page.get_by_role("button", name="Show older")).to_have_count(0)


def test_replay_of_a_time_sends_what_happened_before_the_webhook_was_made(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    admin.make_task(project, "Draw the navigation")
    webhook = make_webhook(admin, project, receiver.url, events=["task.created"])
    page = open_browser(admin)
    visit(page, f"/projects/{project['id']}/webhooks/{webhook['id']}")
    choose(page, "More actions for Our chat", "Send a time again")
    page.get_by_label("From").fill("2099-01-01T00:00")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_label("From")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("From").fill(f"{datetime.now(UTC):%Y}-01-01T00:00")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("1 event sent again.")).to_be_visible()
    row = page.get_by_role("region", name="Deliveries").get_by_role("listitem")
    expect(row.get_by_text("Delivered")).to_be_visible()
    expect(row.get_by_text("replayed")).to_be_visible()
    assert receiver.types() == ["task.created"]


def test_edit_pause_change_the_secret_and_delete_a_webhook(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    webhook = make_webhook(admin, project, receiver.url)
    page = open_browser(admin, timezone_id="Asia/Tokyo")
    visit(page, f"/projects/{project['id']}/webhooks/{webhook['id']}")

    choose(page, "More actions for Our chat", "Edit")
    page.get_by_label("Name").fill("Our build server")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Our build server")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("main").get_by_role("status").get_by_text("Paused")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test").first).to_be_disabled()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("main").get_by_role("status").get_by_text("Active")).to_be_visible()

    choose(page, "More actions for Our build server", "Change the secret")
    page.get_by_role("button", name="Change secret").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(re.compile("^whsec_"))
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_text("the previous one signs too")).to_be_visible()
    # also when the page comes from the server, which does not know the browser's timezone
    visit(page, f"/projects/{project['id']}/webhooks/{webhook['id']}")
    until = datetime.fromisoformat(admin.call("GET", f"/webhooks/{webhook['id']}")["previous_secret_until"])
    there = f"{until.astimezone(ZoneInfo('Asia/Tokyo')):%H:%M}"
    expect(page.get_by_role("definition").filter(has_text="the previous one")).to_have_text(re.compile(f"{there}$"))

    choose(page, "More actions for Our build server", "Delete")
    page.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    assert admin.call("GET", f"/projects/{project['id']}/webhooks")["items"] == []
    page.go_back()
    expect(page.get_by_role("heading", name="Our build server")).to_have_count(0)
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()


def test_edit_of_a_webhook_that_somebody_changed_meanwhile_is_not_saved_unseen(
    open_browser: Callable[..., Page], admin: Person, receiver: Receiver
) -> None:
    project = admin.make_project()
    webhook = make_webhook(admin, project, receiver.url)
    page = open_browser(admin)
    visit(page, f"/projects/{project['id']}/webhooks/{webhook['id']}")
    choose(page, "More actions for Our chat", "Edit")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="More actions for Our chat")).to_be_focused()
    choose(page, "More actions for Our chat", "Edit")
    page.get_by_label("Name").fill("Mine")
    admin.call("PATCH", f"/webhooks/{webhook['id']}", {"name": "Theirs", "events": ["task.created"]})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed while you edited it, so nothing was saved")
    assert admin.call("GET", f"/webhooks/{webhook['id']}")["name"] == "Theirs"
    expect(page.get_by_label("Name")).to_have_value("Mine")

    page.get_by_role("button", name="Show what it is now").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Name")).to_have_value("Theirs")
    expect(page.get_by_role("checkbox", name="task.created")).to_be_checked()

    admin.call("PATCH", f"/webhooks/{webhook['id']}", {"name": "Theirs again"})
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Save over it").click()
    expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="More actions for Mine")).to_be_focused()
    assert admin.call("GET", f"/webhooks/{webhook['id']}")["name"] == "Mine"


def test_member_is_told_who_may_see_webhooks(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], share: Callable[..., None]
) -> None:
    ada, bob = make_person(), make_person("Bob", "Kahn")
    project = ada.make_project()
    share(project, bob, "member")
    page = open_browser(bob)
    visit(page, f"/projects/{project['id']}/webhooks")
    expect(page.get_by_text("Only managers and the owner of this project")).to_be_visible()
    expect(page.get_by_text("Ask Ada Lovelace")).to_be_visible()
    expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)


def test_unverified_owner_is_told_to_confirm_the_address(
    open_browser: Callable[..., Page], make_person: Callable[..., Person], receiver: Receiver
) -> None:
    ada = make_person()
    project = ada.make_project()
    page = open_browser(ada)
    visit(page, f"/projects/{project['id']}/webhooks")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Name").fill("Our chat")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("alert")).to_contain_text("Confirm your email address first")
    assert ada.call("GET", f"/projects/{project['id']}/webhooks")["items"] == []
