"""Start the whole system from nothing, import a real Trello board over HTTP, and check what arrived.

`python ops/smoke.py`: a temporary home and a free port; exit status 0 when everything is as it must be.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from synergy_platform.embedded.process import free_port

ROOT = Path(__file__).resolve().parent.parent
BOARD = ROOT / "packages/domain/tests/transfer/data/trello-board.json"
START_SECONDS = 600
PASSWORD = "correct horse 7 battery"  # noqa: S105 - of an account that lives for a minute


def main() -> int:
    """Run it; prints what it sees."""
    with tempfile.TemporaryDirectory(prefix="synergy-smoke-") as home:
        port = free_port()
        environment = {**os.environ, "SYNERGY_HOME": home, "SYNERGY_PORT": str(port)}
        log = Path(home).with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "synergy_cli", "up"], env=environment, stdout=output, cwd=ROOT
            )
            try:
                check(f"http://127.0.0.1:{port}", process)
            except Exception:
                sys.stdout.write("".join(log.read_text().splitlines(keepends=True)[-30:]))
                raise
            finally:
                process.send_signal(signal.SIGTERM)
                status = process.wait(30)
                log.unlink()
        print(f"ended with status {status}")
        return status


def check(address: str, process: subprocess.Popen[bytes]) -> None:
    """Use the system as somebody new would."""
    started = time.monotonic()
    wait_until_healthy(address, process)
    print(f"healthy after {time.monotonic() - started:.1f} s")
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as client:
        person = {"username": "ada", "email": "ada@example.org", "first_name": "Ada", "last_name": "Lovelace"}
        expect(client.post("/auth/register", json={**person, "password": PASSWORD}), 201)
        tokens = expect(client.post("/auth/login", json={"identifier": "ada", "password": PASSWORD}), 200)
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        job = import_board(client)
        again = import_board(client)
        assert_equal("project of the second import", again["project_id"], job["project_id"])
        project = job["project_id"]
        columns = {
            column["status"]: column["total"]
            for column in expect(client.get(f"/projects/{project}/board"), 200)["columns"]
        }
        assert_equal("columns", columns, {"todo": 12, "in_progress": 3, "review": 0, "done": 47})
        tasks = all_tasks(client, project)
        assert_equal("tasks", len(tasks), 62)
        assert_equal("subtasks", sum(task["subtasks"]["total"] for task in tasks), 66)
        assert_equal("comments", sum(task["comment_count"] for task in tasks), 32)
        members = expect(client.get(f"/projects/{project}/members"), 200)["items"]
        assert_equal("people", len(members), 6)  # the five of the board, and the owner
        labels = {label["name"] for label in expect(client.get(f"/projects/{project}/labels"), 200)["items"]}
        assert_equal("labels", len(labels - {"archived"}), 6)
    page = httpx.get(f"{address}/login", timeout=30)
    assert_equal("login page", (page.status_code, page.headers["content-type"].split(";")[0]), (200, "text/html"))


def wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until every service is well; the first start installs and builds."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the system ended with status {process.returncode}")
        try:
            if httpx.get(f"{address}/api/auth/health/", timeout=2).json()["status"] == "healthy":
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.2)
    raise SystemExit(f"not healthy after {START_SECONDS} s")


def import_board(client: httpx.Client) -> dict[str, Any]:
    """Send the board and wait for the job."""
    sent = expect(client.post("/imports", data={"source": "trello"}, files={"file": BOARD.read_bytes()}), 202)
    for _ in range(300):
        job = expect(client.get(f"/imports/{sent['id']}"), 200)
        if job["status"] in {"completed", "failed"}:
            assert_equal("import", job["status"], "completed")
            return job
        time.sleep(0.1)
    raise SystemExit("the import did not end")


def all_tasks(client: httpx.Client, project: str) -> list[dict[str, Any]]:
    """Every task of a project, page by page."""
    tasks: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": "50", **({"cursor": cursor} if cursor else {})}
        page = expect(client.get(f"/projects/{project}/tasks", params=parameters), 200)
        tasks += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return tasks


def expect(answer: httpx.Response, status: int) -> Any:  # noqa: ANN401 - a JSON document
    """The answer's document, when its status is as expected."""
    if answer.status_code != status:
        raise SystemExit(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer.json()


def assert_equal(what: str, found: object, wanted: object) -> None:
    """Say what was found, and stop when it is not what was wanted."""
    print(f"{what}: {found}")
    if found != wanted:
        raise SystemExit(f"{what}: expected {wanted}")


if __name__ == "__main__":
    raise SystemExit(main())
