"""PostgreSQL refuses to run as root: find an identity under which it runs here."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import launcher


def _unprivileged_account() -> pwd.struct_passwd:
    """An account that exists, because initdb looks its own name up."""
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid != 0}
    for name in ("postgres", "nobody"):
        if name in accounts:
            return accounts[name]
    if accounts:
        return next(iter(accounts.values()))
    raise EmbeddedError("PostgreSQL refuses to run as root and this machine has no other account: add one (useradd).")


def identities(data: Path) -> list[str]:
    """Identities to try, best first; `same` alone for a normal user."""
    if os.geteuid() != 0:
        return ["same"]
    if data.exists() and (owner := data.stat().st_uid) != 0:  # made by a normal user: it stays theirs
        return [f"{kind}:{owner}:{data.stat().st_gid}" for kind in ("account", "account+files")]
    account = _unprivileged_account()
    # in a namespace the files stay root's, and nobody else gets to own them
    return [f"{kind}:{account.pw_uid}:{account.pw_gid}" for kind in ("namespace", "account", "account+files")]


def choose_identity(folder: Path, data: Path, program: Path) -> str:
    """The first identity that can run `program` and reach `folder`; EmbeddedError says what to do when none can."""
    candidates = identities(data)
    if candidates == ["same"]:
        return "same"
    failures: list[str] = []
    for identity in candidates:
        failure = _failure(identity, folder, program)
        if failure is None:
            return identity
        failures.append(f"{identity.partition(':')[0]}: {failure}")
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and root cannot be given up here "
        f"({'; '.join(failures)}): start SynergyOS as a normal user."
    )


def _failure(identity: str, folder: Path, program: Path) -> str | None:
    """Why PostgreSQL would not run so; None when it would."""
    # the program's own look at itself, then the path to the data: both as PostgreSQL will meet them
    for command in ([str(program), "--version"], ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]):
        tried = subprocess.run(
            [*launcher(identity), *command], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
        )
        if tried.returncode != 0 or tried.stderr:  # a program that it may not read is a remark on stderr and status 0
            return tried.stderr.strip().rpartition("\n")[2] or f"status {tried.returncode}"
    return None


def hand_over(path: Path, identity: str) -> None:
    """Give `path` and all below to the account of `identity`; nothing to do for the others."""
    kind, *numbers = identity.split(":")
    if not kind.startswith("account"):
        return
    uid, gid = int(numbers[0]), int(numbers[1])
    if path.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(path):
        os.chown(folder, uid, gid)
        for name in files:
            os.chown(Path(folder, name), uid, gid, follow_symlinks=False)
