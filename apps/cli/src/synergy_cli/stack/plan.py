"""`upgrade --plan`: what an upgrade of the running stack to this checkout would do. It changes nothing that runs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synergy_cli.stack import changed
from synergy_cli.stack.changed import SettingsChange
from synergy_cli.stack.compose import Stack, StackError, last_line
from synergy_cli.stack.doctor import engine_root
from synergy_cli.stack.init import secret_files, write_secrets
from synergy_cli.stack.plan_text import backup_sentence, schema_lines
from synergy_cli.stack.rollout import Release, check_room, image_of, replicas
from synergy_cli.stack.standing import Standing, find_standing

_GIB = 2**30
_FREE_BYTES = _GIB  # for images, logs and what the database writes meanwhile

# run in the image that runs now
_ASK_OLD = """
import json
from synergy_domain.migrations import SUPPORTED_REVISIONS
from synergy_platform.env_example import env_example
from synergy_platform.version import VERSION
print(json.dumps({"version": VERSION, "revision": SUPPORTED_REVISIONS[-1], "settings": env_example()}))
"""


@dataclass
class Plan:
    """`schema` and `backup` as `synergy upgrade --plan --json` tells them; `refusals` are sentences."""

    current: Release
    wanted: Release
    version: str = "?"
    schema: dict[str, Any] | None = None
    backup: dict[str, Any] | None = None
    settings: SettingsChange | None = None
    standing: list[Standing] = field(default_factory=list[Standing])
    changelog: str = ""
    free_bytes: int | None = None
    refusals: list[str] = field(default_factory=list[str])

    def text(self) -> str:
        """All of it, for a terminal."""
        lines = [f"From {self.current.tag} to {self.wanted.tag}."]
        if self.schema:
            lines += schema_lines(self.schema, self.backup)
        else:
            lines.append(f"Backup: {backup_sentence(self.backup)}")
        if self.free_bytes is not None:
            lines.append(f"Disk: {self.free_bytes / _GIB:.1f} GiB free.")
        lines += ["", "Images: api, worker, scheduler and web are replaced, one container after another; then backup."]
        lines += [
            f"  {each.service}: stays as it is, and should be renewed by hand in a quiet minute: "
            f"{'; '.join(each.reasons)}. `{each.command}`"
            for each in self.standing
        ] or ["  db, broker, cache and proxy need nothing."]
        settings = self.settings.lines() if self.settings else []
        lines += ["", "Settings:", *(f"  {line}" for line in settings or ["nothing differs"])]
        lines += ["", f"Since {self.version}:", "", self.changelog or "Nothing is noted.", ""]
        lines += [f"Not possible: {sentence}" for sentence in self.refusals]
        return "\n".join(lines if self.refusals else [*lines, "It can be done: `just upgrade`."])


def make_plan(stack: Stack, current: Release, wanted: Release, *, build: bool) -> Plan:
    """Ask the stack, the images of both versions, and this checkout; `build`: also which other images would change."""
    plan = Plan(current, wanted)
    config = stack.config(wanted.environment)
    old = _ask_old(stack, current)
    plan.version = old["version"]
    plan.settings = changed.settings_change(stack.root, old["settings"])
    plan.changelog = changed.changelog_since((stack.root / "CHANGELOG.md").read_text(), plan.version)
    plan.standing = find_standing(stack, config, wanted, build=build)
    _ask_new(stack, config, plan)
    if plan.schema:
        _judge_schema(plan, plan.schema, old["revision"])
    _judge_machine(stack, plan)
    return plan


def provide_secrets(stack: Stack) -> None:
    """Files that this version reads and the one before did not; the others stay, since running containers have them."""
    if not all((stack.root / "secrets" / name).is_file() for name in secret_files({})):
        write_secrets(stack)


def _ask_old(stack: Stack, current: Release) -> dict[str, Any]:
    """Version, newest revision and `.env.example` of the image that runs."""
    image = image_of(stack, "python", current)
    done = stack.docker("run", "--rm", "--network", "none", image, "python", "-c", _ASK_OLD, capture=True, check=False)
    if done.returncode != 0:
        raise StackError(
            f"The image {image}, which .env says runs now, cannot be asked: {last_line(done.stderr)}. Nothing could "
            "go back to it: build it from its own commit (`just build`), or `just deploy` without a way back."
        )
    return json.loads(done.stdout)


def _ask_new(stack: Stack, config: dict[str, Any], plan: Plan) -> None:
    """The part that needs our libraries, in a container of the new image."""
    with _scratch(stack, config) as url:
        words = ["upgrade", "--plan", "--json", *(["--scratch", url] if url else [])]
        done = stack.compose(
            "run", "--rm", "--no-deps", "-T", "migrate", *words, env=plan.wanted.environment, capture=True, check=False
        )
    found = next((line for line in done.stdout.splitlines() if line.startswith('{"schema"')), "")
    if found:
        told = json.loads(found)
        plan.schema, plan.backup = told["schema"], told["backup"]
    else:  # faulty settings, or no database: its own words say which
        plan.refusals.append(done.stderr.strip() or f"The new image ended with {done.returncode} and said nothing.")


@contextlib.contextmanager
def _scratch(stack: Stack, config: dict[str, Any]) -> Generator[str]:
    """A PostgreSQL of the version that runs, in memory, for as long as it is needed; empty where none of ours runs."""
    running = stack.describe([each.id for each in stack.containers("db")[:1]])
    if not running:
        yield ""
        return
    image = running[0]["Image"]
    network = config["networks"][next(iter(config["services"]["migrate"]["networks"]))]["name"]
    name = f"{config['name']}-plan-{os.getpid()}"
    stack.docker(
        "run", "--detach", "--rm", "--name", name, "--network", network, "--user", "postgres", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges:true", "--memory", "512m", "--read-only", "--tmpfs", "/tmp",  # noqa: S108 - in the container
        "--tmpfs", "/var/lib/postgresql/data:uid=999,gid=999", "--tmpfs", "/var/run/postgresql:uid=999,gid=999",
        # our roles need passwords, and nothing here needs our roles
        "--tmpfs", "/docker-entrypoint-initdb.d", "--env", "POSTGRES_HOST_AUTH_METHOD=trust",
        "--entrypoint", "docker-entrypoint.sh", image, "postgres", "-cfsync=off", "-cshared_buffers=16MB",
        capture=True,
    )  # fmt: skip
    try:
        yield f"postgresql://postgres@{name}:5432/postgres"
    finally:
        stack.docker("rm", "--force", "--volumes", name, capture=True, check=False)


def _judge_schema(plan: Plan, schema: dict[str, Any], running: str) -> None:
    if schema["forbidden"]:
        plan.refusals.append(schema["forbidden"])
    elif schema["before"] is None:
        plan.refusals.append("The database is empty: there is nothing to upgrade. `just up` fills it.")
    if schema["oldest_code"] > running:
        plan.refusals.append(
            f"The version that runs knows the schema up to {running}, and after these migrations only code that knows "
            f"{schema['oldest_code']} goes on working: it cannot run beside this one. Upgrade to a release in between "
            "first."
        )


def _judge_machine(stack: Stack, plan: Plan) -> None:
    try:
        check_room(stack, replicas(stack))
    except StackError as error:
        plan.refusals.append(str(error))
    missing = [name for name in ("db", "api", "proxy") if name != "db" or stack.setting("DB_HOST", "db") == "db"]
    missing = [name for name in missing if not any(each.ready for each in stack.containers(name))]
    if missing:
        plan.refusals.append(f"{', '.join(missing)} does not run, or is not healthy: mend that first (`just doctor`).")
    root: Path = engine_root(stack)
    if not root.is_dir():
        return
    plan.free_bytes = shutil.disk_usage(root).free
    needed = _FREE_BYTES + 2 * _bytes_worked_on(plan.schema)
    if plan.free_bytes < needed:
        plan.refusals.append(
            f"{plan.free_bytes / _GIB:.1f} GiB are free, and {needed / _GIB:.1f} may be needed: make room first."
        )


def _bytes_worked_on(schema: dict[str, Any] | None) -> int:
    """Of tables that a migration reads or writes as a whole: a new index or a copy is at most as large."""
    tables: set[str] = set()
    for migration in schema["migrations"] if schema else ():
        for statement in migration["statements"]:
            locks: list[dict[str, Any]] = statement["locks"] or []
            tables |= {lock["table"] for lock in locks if lock["is_rewritten"] or lock["is_read_whole"]}
    return sum(schema["sizes"][table]["bytes"] for table in tables if table in schema["sizes"]) if schema else 0
