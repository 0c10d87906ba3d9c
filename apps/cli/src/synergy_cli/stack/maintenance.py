"""Maintenance from the server: what needs the containers' logs or the project's folder, and `synergy maintenance`."""

from __future__ import annotations

import getpass
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from synergy_cli.stack.compose import Stack, StackError, say

_WEEK_HOURS = 168
# what `ops/audit.py` exits with
_FINE, _FOUND, _NOT_ASKED = 0, 1, 3
_INSIDE = ("exec", "-T", "api", "synergy", "maintenance")
_SUMMARY_LENGTH = 500


def maintenance(stack: Stack, words: Sequence[str]) -> int:
    """`logs [--hours NUMBER]` and `dependencies` begin here; everything else is what `synergy maintenance` takes."""
    if words and words[0] == "logs":
        return review_logs(stack, hours=_hours(words[1:]))
    if list(words) == ["dependencies"]:
        return audit_dependencies(stack)
    by = ("--by", getpass.getuser()) if words and words[0] in {"run", "record"} and "--by" not in words else ()
    return stack.interactive(*_INSIDE, *words, *by)


def review_logs(stack: Stack, *, hours: int) -> int:
    """Send what all containers wrote in that time to the review, and show it."""
    read = ["docker", "compose", "logs", "--no-color", "--no-log-prefix", "--since", f"{hours}h"]
    with subprocess.Popen(read, cwd=stack.root, stdout=subprocess.PIPE) as logs:
        done = subprocess.run(
            ["docker", "compose", *_INSIDE, "review-logs", "-", "--by", getpass.getuser()],
            check=False, cwd=stack.root, stdin=logs.stdout,
        )  # fmt: skip
    if logs.returncode:
        raise StackError("`docker compose logs` failed; its words are above. What it told before is reviewed.")
    return done.returncode


def audit_dependencies(stack: Stack) -> int:
    """Ask what is known against our libraries, and record the outcome where the stack runs."""
    hatch = shutil.which("hatch")
    if hatch is None:
        raise StackError("Hatch is not here: `pip install hatch`, or run this on a developer's machine.")
    done = subprocess.run(
        [hatch, "run", "audit:run"], check=False, cwd=stack.root, text=True, stdout=subprocess.PIPE
    )  # fmt: skip
    sys.stdout.write(done.stdout)
    outcome, note = _judge(done.returncode, done.stdout)
    words = ["record", "monthly.dependencies", "--outcome", outcome, "--note", note, "--by", getpass.getuser()]
    if not _runs_here(stack):
        say("No stack runs here. Record it where the system runs:")
        say(f"  just maintenance {shlex.join(words)}")
    else:
        stack.compose(*_INSIDE, *words)
    return done.returncode


def _judge(status: int, text: str) -> tuple[str, str]:
    """The outcome of the audit and a sentence. It is done when it found something, not when it could not ask."""
    told = "; ".join(line for line in text.splitlines() if ": nothing known" not in line and " parts" not in line)
    if status == _FINE:
        return "ok", "Nothing is known against the locked libraries, and their licences fit."
    if status == _NOT_ASKED:
        return "failed", f"The audit could not ask all registries: {told}"[:_SUMMARY_LENGTH]
    if status == _FOUND and told:
        return "attention", f"The audit found something: {told}"[:_SUMMARY_LENGTH]
    return "failed", f"The audit found nothing to say and ended with {status}."


def _runs_here(stack: Stack) -> bool:
    try:
        return bool(stack.containers("api"))
    except StackError:  # a developer's machine need not have docker
        return False


def _hours(words: Sequence[str]) -> int:
    match list(words):
        case []:
            return _WEEK_HOURS
        case ["--hours", number] if number.isdigit() and int(number) > 0:
            return int(number)
        case _:
            raise StackError("Write it as `just maintenance logs`, or `just maintenance logs --hours 24`.")
