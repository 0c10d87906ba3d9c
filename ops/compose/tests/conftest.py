"""The real stack, from a clone of this repository: built, started, tried, removed.

Needs a Docker engine with Compose v2. `hatch run compose:run` is the short profile, `--full` all of it. With
`--keep` the stack stays for a look, in the folder that is printed, and `--reuse FOLDER` takes it for the next run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from lines import Lines, assert_lines_fit

ROOT = Path(__file__).parents[3]
PROJECT = os.environ.get("SYNERGY_COMPOSE_PROJECT") or "synergy-compose-test"
PASSWORD = "a quiet river bends twice"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the long tests too")
    parser.addoption("--keep", action="store_true", help="leave the stack running at the end")
    parser.addoption("--reuse", metavar="FOLDER", help="use a stack that runs since --keep, and leave it running")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="only with --full"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: takes minutes; runs with --full")


@dataclass
class Lab:
    """A clone with its stack."""

    root: Path
    https_port: int = int(os.environ.get("SYNERGY_HTTPS_PORT") or 18443)
    http_port: int = int(os.environ.get("SYNERGY_HTTP_PORT") or 18080)
    project: str = PROJECT
    started_seconds: float = 0.0
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ, "PYTHONPATH": str(self.root / "apps/cli/src"), "COMPOSE_PROJECT_NAME": self.project,
            "SYNERGY_HTTPS_PORT": str(self.https_port), "SYNERGY_HTTP_PORT": str(self.http_port),
        }  # fmt: skip

    def run(self, *command: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone; its output is kept."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, input=stdin
        )
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    def stack(self, *words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """`just VERB` without just."""
        return self.run(sys.executable, "-m", "synergy_cli.stack", *words, check=check, stdin=stdin)

    def compose(self, *words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("docker", "compose", *words, check=check, stdin=stdin)

    def docker(self, *words: str, check: bool = True) -> str:
        return self.run("docker", *words, check=check).stdout.strip()

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What `docker inspect` tells of the service's running containers."""
        ids = self.compose("ps", "--quiet", service).stdout.split()
        return json.loads(self.docker("inspect", *ids)) if ids else []

    def execute(self, service: str, *command: str, check: bool = True) -> str:
        """The output of a command in a container of the service."""
        return self.compose("exec", "-T", service, *command, check=check).stdout.strip()

    def sql(self, query: str) -> str:
        """The answer of the database, as its superuser."""
        return self.execute("db", "psql", "-U", "postgres", "-d", "synergyos", "-Atc", query)

    def outcomes(self, task: str) -> list[str]:
        """Of a task's records of maintenance, the newest first."""
        where = f"WHERE task = '{task}' ORDER BY finished_at DESC"
        return self.sql(f"SELECT outcome FROM maintenance_records {where}").split()  # noqa: S608 - a name of the test's

    def env(self, name: str) -> str:
        """A value in .env."""
        lines = (self.root / ".env").read_text().splitlines()
        return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), "")

    def client(self, **options: Any) -> httpx.Client:
        """A client of the proxy, over TLS."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return httpx.Client(base_url=f"https://localhost:{self.https_port}", verify=context, timeout=30, **options)

    def signed_in(self, username: str = "ada") -> httpx.Client:
        """A client that is an admin; the account is made at the first call."""
        if username not in self.tokens:
            names = [
                "--username",
                username,
                "--email",
                f"{username}@example.org",
                "--first-name",
                "A",
                "--last-name",
                "B",
            ]
            # a stack that is used again has the account
            self.stack("create-admin", *names, "--password", "-", stdin=f"{PASSWORD}\n", check=False)
            with self.client() as client:
                body = {"identifier": username, "password": PASSWORD, "deliver": "body"}
                answer = client.post("/api/v1/auth/login", json=body)
                assert answer.status_code == 200, answer.text
                self.tokens[username] = answer.json()["access_token"]
        return self.client(headers={"Authorization": f"Bearer {self.tokens[username]}"})

    def new_project(self, client: httpx.Client) -> str:
        answer = client.post("/api/v1/projects", json={"name": f"Project {time.time_ns()}"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def new_task(self, client: httpx.Client, project: str | None = None) -> str:
        answer = client.post(f"/api/v1/projects/{project or self.new_project(client)}/tasks", json={"title": "A task"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Until it holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not so after {seconds:.0f} s")
            time.sleep(0.5)

    def wait_healthy(self, seconds: float = 120) -> None:
        """Until every part says that it is well."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.client() as client:
                    answer = client.get("/api/auth/health/")
                if answer.status_code == 200 and answer.json()["status"] == "healthy":
                    return
                said = answer.text
            except httpx.HTTPError as error:
                said = repr(error)
            if time.monotonic() > deadline:
                pytest.fail(f"not healthy after {seconds:.0f} s: {said}")
            time.sleep(0.5)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The stack, as README says: `just init`, `docker compose up -d --build --wait`."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.exit("There is no Docker engine to be had: the compose tests did not run.", returncode=3)
    os.environ |= {"SYNERGY_HTTPS_PORT": str(Lab.https_port), "SYNERGY_HTTP_PORT": str(Lab.http_port)}
    if request.config.getoption("--reuse"):
        lab = Lab(Path(request.config.getoption("--reuse")).resolve())
        lab.wait_healthy()
        yield lab
        return
    # not below pytest's own folder: it removes that of an earlier run, and the kept stack with it
    root = Path(tempfile.mkdtemp(prefix="synergy-compose-")) / "synergyos"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
    lab = Lab(root)
    logs = tmp_path_factory.mktemp("logs")
    with started(lab, logs, keep=bool(request.config.getoption("--keep"))):
        yield lab
    assert_lines_fit(logs)


@contextlib.contextmanager
def started(lab: Lab, logs: Path, *, keep: bool) -> Iterator[None]:
    """The stack of that clone, built and running, what it logs in that folder; at the end all of it goes."""
    lab.compose("--profile", "*", "down", "--volumes", "--remove-orphans", check=False)
    # of a run that was killed: a new stack must find nothing
    for volume in lab.docker("volume", "ls", "--quiet", "--filter", f"name=^{lab.project}_").split():
        lab.docker("volume", "rm", volume)
    lab.stack("init")
    with (lab.root / ".env").open("a") as env:
        env.write(f"SYNERGY_IMAGE_PREFIX={lab.project}/\nSYNERGY_PROXY_REQUESTS_PER_SECOND=5000\n")
        env.write("SYNERGY_RATE_LIMIT_API=1000000/m\n")
        # a receiver of webhooks is a container beside the worker
        env.write("SYNERGY_WEBHOOK_ALLOWED_NETWORKS=10.0.0.0/8,172.16.0.0/12,192.168.0.0/16\n")
    began = time.monotonic()
    lab.compose("build", "--quiet")
    built = time.monotonic()
    with Lines(lab.project, logs):
        try:
            lab.compose("up", "--detach", "--build", "--wait")
            lab.wait_healthy()
            lab.started_seconds = time.monotonic() - built
            print(f"\nimages {built - began:.0f} s, healthy after {lab.started_seconds:.0f} s more, in {lab.root}")
            yield
        finally:
            if not keep:
                lab.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)
                shutil.rmtree(lab.root.parent)
