"""Asks PostgreSQL and Redis inside their containers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from synergy_cli.doctor.facts import Trouble
from synergy_cli.doctor.queries import APART_SECONDS, ASKED_TWICE, QUERIES, keep_lasting, query
from synergy_cli.stack.compose import Stack

_LOOK_ONLY = "PGOPTIONS=-c default_transaction_read_only=on -c statement_timeout=10s"
_REDIS = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli INFO"
_REVISIONS = "from synergy_domain.migrations import SUPPORTED_REVISIONS as known; print(','.join(known))"


def ask_database(stack: Stack) -> tuple[dict[str, Any] | None, Trouble | None]:
    """What each query gave, or why none could be asked."""
    before = time.time()
    found = _psql(stack, QUERIES)
    after = time.time()
    if not found:
        return None, Trouble(
            "The database answers nothing in its container.", "Read `just logs db --no-follow`.", "database-refused"
        )
    # both clocks are this machine's, unless the database's is faked: only what lies outside of the call counts
    if "clock" in found:
        found["clock_difference"] = max(0.0, found["clock"] - after, before - found["clock"])
    time.sleep(APART_SECONDS)
    keep_lasting(found, _psql(stack, ASKED_TWICE))
    known = stack.compose("exec", "-T", "api", "python", "-c", _REVISIONS, capture=True, check=False).stdout.strip()
    if known:
        found["supported"] = tuple(known.split(","))
    return found, None


def _psql(stack: Stack, names: Iterable[str]) -> dict[str, Any]:
    words = psql_words(names, stack.setting("DB_USER", "synergy_app"))
    done = stack.compose(
        "exec", "-T", "-e", _LOOK_ONLY, "db", "psql", "-U", "postgres", "-d", stack.setting("DB_NAME", "synergyos"),
        *words, capture=True, check=False,
    )  # fmt: skip
    return read_answers(done.stdout)


def psql_words(names: Iterable[str], role: str) -> list[str]:
    """What psql has to be told for answers that `read_answers` takes: each on one line, whatever it is."""
    words = ["-XqAt", "-F", "\t"]
    for name in names:
        words += ["-c", f"SELECT '{name}', replace(({query(name, role)})::text, chr(10), ' ')"]
    return words


def read_answers(text: str) -> dict[str, Any]:
    """Lines of a name, a tab and JSON; a question that was refused has none."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, _, value = line.partition("\t")
        if name in QUERIES:
            found[name] = json.loads(value) if value else None
    return found


def ask_redis(stack: Stack, name: str) -> tuple[dict[str, str] | None, Trouble | None]:
    """What it says of itself, or that it says nothing."""
    told = read_info(stack.compose("exec", "-T", name, "sh", "-c", _REDIS, capture=True, check=False).stdout)
    if "redis_version" not in told:
        runbook = "tasks-not-processed" if name == "broker" else ""
        return None, Trouble(f"The {name} does not answer.", f"Read `just logs {name} --no-follow`.", runbook)
    return told, None


def read_info(text: str) -> dict[str, str]:
    """INFO's `name:value`, a line each."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in pairs}
