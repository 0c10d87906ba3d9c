"""Refuse migrations that would stop a running system; a part of `hatch run lint`.

Squawk judges the SQL that Alembic prints; its rules are chosen in .squawk.toml. What it has no rule for is below.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synergy_domain.migrations.offline import Migration, migrations_between

ROOT = Path(__file__).resolve().parent.parent

# Revision -> rule -> why it may be. An entry that nothing needs is refused too.
_RELEASED = "released before the linter was here; it ran in no time on the small tables of then"
EXEMPT: dict[str, dict[str, str]] = {
    "0003": {
        "require-concurrent-index-creation": _RELEASED,
        "constraint-missing-not-valid": _RELEASED,
        "ban-drop-not-null": _RELEASED,
        "ban-new-write-restriction": _RELEASED,
        "backfill-in-migration": _RELEASED,
    },
    "0004": {"require-concurrent-index-creation": _RELEASED},
    "0006": {"require-concurrent-index-creation": _RELEASED},
}

# A statement of these is refused: rule -> what it begins with, and what to do instead.
_OURS = {
    "backfill-in-migration": (
        re.compile(r"(UPDATE|DELETE|MERGE)\b", re.IGNORECASE),
        "It holds every row it touches until the migration ends. Fill the column by a job, in batches.",
    ),
    "explicit-lock": (
        re.compile(r"LOCK\b", re.IGNORECASE),
        "It stops whoever uses the table until the migration ends. Leave locking to the statements.",
    ),
    "changed-lock-timeout": (
        re.compile(r"(SET\s+(LOCAL\s+|SESSION\s+)?lock_timeout|SELECT\s.*set_config.*lock_timeout)", re.IGNORECASE),
        "In a transaction it waits for a lock as long as env.py says, since everybody else queues behind it.",
    ),
}
# a column that older code does not write cannot refuse what it writes; one without a default has a rule of its own
_NO_RESTRICTION = ("ban-new-write-restriction", "A new column constraint can reject writes from existing clients.")


@dataclass(frozen=True)
class Problem:
    """What a rule says of a migration."""

    revision: str
    rule: str
    sql: str
    advice: str


def sql_of(migration: Migration) -> str:
    """Its statements with the bounds of its transactions."""
    parts: list[str] = []
    is_open = False
    for statement in migration.statements:
        if statement.in_transaction is not is_open:
            parts.append("BEGIN;" if statement.in_transaction else "COMMIT;")
            is_open = statement.in_transaction
        parts.append(statement.sql)
    return "\n".join([*parts, "COMMIT;"] if is_open else parts) + "\n"


def find_problems(migrations: Sequence[Migration]) -> list[Problem]:
    """Whatever a rule says, exempt or not."""
    found: list[Problem] = []
    with tempfile.TemporaryDirectory(prefix="synergy-migrations-") as folder:
        texts = {migration.revision: sql_of(migration) for migration in migrations}
        for revision, text in texts.items():
            Path(folder, f"{revision}.sql").write_text(text)
        command = ["squawk", "--config", str(ROOT / ".squawk.toml"), "--reporter", "json"]
        done = subprocess.run([*command, *(f"{folder}/{name}.sql" for name in texts)],  # noqa: S603 - a fixed command
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"squawk ended with {done.returncode}: {done.stderr}")
        for said in json.loads(done.stdout):
            if (said["rule_name"], said["message"]) == _NO_RESTRICTION:
                continue
            revision = Path(said["file"]).stem
            line = texts[revision].splitlines()[said["line"]]
            advice = " ".join(filter(None, (said["message"], said["help"])))
            found.append(Problem(revision, said["rule_name"], line.strip(), advice))
    for migration in migrations:
        # outside of a transaction are env.py's own SET, and what waits for others without stopping them
        for statement in (each for each in migration.statements if each.in_transaction):
            for rule, (begins, advice) in _OURS.items():
                if begins.match(statement.sql):
                    found.append(Problem(migration.revision, rule, statement.sql.splitlines()[0], advice))
    return found


def judge(migrations: Sequence[Migration], exempt: dict[str, dict[str, str]]) -> list[str]:
    """A sentence for each problem that is not exempt, and for each exemption that nothing needs."""
    problems = find_problems(migrations)
    sentences = [
        f"{each.revision}: {each.rule}: {each.sql}\n    {each.advice}"
        for each in problems
        if each.rule not in exempt.get(each.revision, {})
    ]
    needed = {(each.revision, each.rule) for each in problems}
    sentences += [
        f"{revision}: {rule} is exempt, and nothing breaks it: take the exemption away."
        for revision, rules in exempt.items()
        for rule in rules
        if (revision, rule) not in needed
    ]
    return sentences


def main() -> int:
    """Lint all migrations; the exit status."""
    migrations = migrations_between(None)
    sentences = judge(migrations, EXEMPT)
    print("\n".join(sentences) if sentences else f"{len(migrations)} migrations can run beside the release before.")
    if sentences:
        print("docs/development.md says how a schema changes here: expand, backfill in batches, contract.")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
