"""`upgrade`: the plan's refusals, a backup, then the rolling deploy with its gate and its way back; and a record."""

from __future__ import annotations

import getpass
import json
import time
from datetime import UTC, datetime
from typing import Any

from synergy_cli.stack import recovery, rollout
from synergy_cli.stack.compose import Stack, StackError, last_line, say
from synergy_cli.stack.init import write_secrets
from synergy_cli.stack.plan import Plan, make_plan, provide_secrets


def show_plan(stack: Stack, *, tag: str | None, build: bool, pull: bool) -> int:
    """Say what `upgrade` would do; 0 when it can be done, 1 when something forbids it."""
    stack.require_init()
    provide_secrets(stack)
    current = rollout.current_release(stack)
    wanted = rollout.provide_images(stack, tag=tag, build=build, pull=pull)
    plan = make_plan(stack, current, wanted, build=build and not pull)
    say(plan.text())
    return 1 if plan.refusals else 0


def upgrade(stack: Stack, *, tag: str | None, build: bool, pull: bool, with_backup: bool) -> None:
    """Bring the stack to this checkout; what was replaced goes back by itself when it does not work."""
    stack.require_init()
    with stack.lock():
        started = datetime.now(UTC)
        clock = time.monotonic()
        write_secrets(stack)
        current = rollout.current_release(stack)
        wanted = rollout.provide_images(stack, tag=tag, build=build, pull=pull)
        # the other images are asked for by --plan only: nothing here depends on them
        plan = make_plan(stack, current, wanted, build=False)
        if plan.refusals:
            raise StackError("\n".join(plan.refusals))
        if with_backup:
            say("Backing up …")
            take_backup(stack)
        else:
            say("Warning: no backup is taken, so nothing brings back what a faulty migration destroys.")
        try:
            rollout.switch(stack, wanted, current)
        except StackError as error:
            _record(stack, plan, started, "failed", str(error).splitlines()[0], with_backup=with_backup)
            raise
        rollout.renew_backup(stack, wanted, build=build and not pull, pull=pull)
        seconds = time.monotonic() - clock
        sentence = f"From {current.tag} to {wanted.tag} in {seconds:.0f} s."
        _record(stack, plan, started, "ok", sentence, with_backup=with_backup)
        say(f"{sentence} `just rollback` goes back.")
        for each in plan.standing:
            say(f"{each.service} is still as it was ({'; '.join(each.reasons)}): `{each.command}` in a quiet minute.")


def take_backup(stack: Stack) -> None:
    """A backup that was verified; StackError when there is none."""
    if status := recovery.backup(stack, full=False):
        raise StackError(
            f"There is no backup (status {status}; its words are above), so nothing was changed. Mend that, "
            "or take one by hand (docs/deployment.md) and say --no-backup. A backup container of a version that had no "
            "such verb is renewed first, by what `just upgrade --plan` says."
        )


def _record(stack: Stack, plan: Plan, started: datetime, outcome: str, summary: str, *, with_backup: bool) -> None:
    """Into maintenance_records, by the new image: the old one may not know them."""
    schema: dict[str, Any] = plan.schema or {}
    detail = {
        "from": plan.current.tag, "to": plan.wanted.tag, "revision_before": schema.get("before"),
        "revision_after": schema.get("after"), "backup": with_backup,
    }  # fmt: skip
    record = {
        "task": "upgrade", "outcome": outcome, "started_at": started.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(), "done_by": getpass.getuser(), "summary": summary,
        "detail": detail,
    }  # fmt: skip
    done = stack.compose(
        "run", "--rm", "--no-deps", "-T", "migrate", "maintenance", "add", env=plan.wanted.environment,
        capture=True, check=False, stdin=json.dumps(record),
    )  # fmt: skip
    if done.returncode != 0:
        say(f"This upgrade could not be recorded: {last_line(done.stderr)}")
