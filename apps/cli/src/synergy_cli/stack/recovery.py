"""`backup`, `restore`, `drill`, `escrow`, `recover`: the host's part, around what the backup container does."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from synergy_cli.stack import smoke
from synergy_cli.stack.compose import Stack, StackError, last_line, say
from synergy_cli.stack.envfile import read_env
from synergy_cli.stack.init import write_secrets

# all that writes to the database, and the container that has its folder open
_WRITERS = ("scheduler", "worker", "api", "backup")
_VOLUME = "SYNERGY_DB_VOLUME"
_ESCROW_HEAD = (
    "# The keys of SynergyOS on {host}. Keep this file away from its backups: with both, anybody has everything.\n"
)


def backup(stack: Stack, *, full: bool) -> int:
    """Take a backup now; its exit status."""
    return _in_container(stack, "backup", *(["--full"] if full else []))


def backups(stack: Stack, *words: str) -> int:
    """List what can be restored."""
    return _in_container(stack, "backups", *words)


def drill(stack: Stack) -> int:
    """Restore the newest backup beside the running system, compare it, and throw it away."""
    return _in_container(stack, "drill")


def _in_container(stack: Stack, *words: str) -> int:
    stack.require_init()
    return stack.execute("backup", "synergy", *words)


def restore(
    stack: Stack, *, backup_id: str | None, to: str | None, verify: bool, despite_damage: bool, confirmed: bool
) -> int:
    """Restore into a new cluster, prove it, and put it in the place of the one that runs; the old one stays."""
    choice = _choice(backup_id, to)
    if verify:
        return _in_container(stack, "restore", "--verify", *choice, *_despite(damage=despite_damage))
    stack.require_init()
    if not confirmed:
        raise StackError(
            "This puts an earlier state in the place of the present one, which is kept aside. Nobody can work while "
            "they are swapped. `just restore --yes …` does it; `--verify` only tries whether it can be done."
        )
    with stack.lock():
        project = _project(stack)
        old = stack.setting(_VOLUME, f"{project}_db")
        chosen = _choose(stack, choice)
        new = _restored_volume(stack, project, [*choice, *_despite(damage=despite_damage)])
        try:
            _put_files_back(stack, project, chosen)
        except (StackError, KeyboardInterrupt):
            stack.docker("volume", "rm", new, capture=True, check=False)
            raise
        _swap(stack, old, new)
        say(f"Restored. The database of before is the volume {old}: delete it when you need it no more.")
    return 0


def _choice(backup_id: str | None, to: str | None) -> list[str]:
    return [*(["--backup", backup_id] if backup_id else []), *(["--to", to] if to else [])]


def _despite(*, damage: bool) -> list[str]:
    return ["--despite-damage"] if damage else []


def _volumes(stack: Stack, project: str) -> list[str]:
    label = f"label=com.docker.compose.project={project}"
    return stack.docker("volume", "ls", "--quiet", "--filter", label, capture=True).stdout.split()


def _project(stack: Stack) -> str:
    """What the names of all volumes begin with."""
    return stack.config()["name"]


def _restored_volume(stack: Stack, project: str, choice: list[str]) -> str:
    """A new volume with the restored and proven cluster; nothing of what runs is touched."""
    name = f"{project}_db_{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"
    labels = ("--label", f"com.docker.compose.project={project}", "--label", "com.docker.compose.volume=db")
    stack.docker("volume", "create", *labels, name, capture=True)
    say("Restoring into a new cluster, and comparing it with what was there …")
    try:
        stack.compose(
            "run", "--rm", "--no-deps", "-T", "--volume", f"{name}:/restored", "backup", "container", "restore",
            *choice,
        )  # fmt: skip
    except (StackError, KeyboardInterrupt):
        stack.docker("volume", "rm", name, capture=True, check=False)
        raise
    return name


def _choose(stack: Stack, choice: list[str]) -> str:
    """The backup that a restore begins with."""
    done = stack.compose(
        "run", "--rm", "--no-deps", "-T", "backup", "container", "choose", *choice, capture=True, check=False
    )
    if done.returncode != 0:
        raise StackError(last_line(done.stderr))
    return done.stdout.split()[-1]


def _put_files_back(stack: Stack, project: str, chosen: str) -> None:
    """Uploaded files that are missing or changed; those that came later stay, and are swept when nothing names them."""
    say("Putting back uploaded files …")
    # they belong to the API's user, and the backup's user may only read them
    stack.compose(
        "run", "--rm", "--no-deps", "-T", "--user", "0", "--cap-add", "DAC_OVERRIDE", "--cap-add", "CHOWN",
        "--cap-add", "FOWNER", "--volume", f"{project}_media:/media-restored", "backup", "container",
        "restore-files", chosen,
    )  # fmt: skip


def _swap(stack: Stack, old: str, new: str) -> None:
    """Give the stack the new volume; when it is not well with it, the old one again."""
    say("Swapping the databases …")
    try:
        _take_away(stack)
        stack.save({_VOLUME: new})
        _start(stack)
        smoke.smoke(stack)
    except (StackError, KeyboardInterrupt) as error:
        say("This did not work; going back to the database of before …")
        _take_away(stack)
        stack.save({_VOLUME: old})
        _start(stack)
        raise StackError(f"{error}\nThe database of before runs again. The restored one is the volume {new}.") from None
    # the log goes on from another branch, which no backup of before leads to
    if _in_container(stack, "backup", "--full"):
        raise StackError("The restored system runs, but its first backup failed. Mend that now: `just backup --full`.")


def _take_away(stack: Stack) -> None:
    """Stop what writes, and remove what has the database's volume: only new containers take another one."""
    stack.compose("stop", *_WRITERS, "db", capture=True)
    stack.compose("rm", "--force", "--stop", "db", "backup", capture=True)


def _start(stack: Stack) -> None:
    stack.compose("up", "--detach", "--no-build", "--wait", "db", "broker", "cache")
    stack.compose("exec", "-T", "db", "set-passwords.sh")
    for server in ("broker", "cache"):  # what waits is published again from the database
        command = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli flushall"
        stack.compose("exec", "-T", server, "sh", "-c", command, capture=True)
    stack.compose("up", "--detach", "--no-build", "--wait")


def escrow(stack: Stack, target: Path) -> None:
    """Write all keys and settings to one file, which belongs into a safe, away from the backups."""
    stack.require_init()
    target = target.absolute()
    if target.is_relative_to(stack.root):
        raise StackError(
            "Write it elsewhere: beside the system it goes down with it. `just escrow /media/usb/keys.env`."
        )
    if target.exists():
        raise StackError(f"{target} is there already. Name another file, or delete it first.")
    head = _ESCROW_HEAD.format(host=stack.setting("ALLOWED_HOSTS", "localhost"))
    text = head + stack.env_file.read_text()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    stack.compose("exec", "-T", "backup", "synergy", "container", "escrowed")
    say(f"{target}: written. Print it or keep it in a password manager; `just recover` needs it and a backup.")


def recover(
    stack: Stack, *, keys: Path, source: str | None, backup_id: str | None, to: str | None, despite_damage: bool
) -> None:
    """From nothing but the keys and the backups to a running system: a folder with them, or the bucket of the keys."""
    if (stack.root / "secrets").exists():
        raise StackError("There is a folder secrets/ here: a system was, or is. Recover in a fresh clone.")
    if stack.env_file.exists():
        raise StackError("There is a system here already (.env). `just restore` brings back an earlier state of it.")
    values = read_env(keys)
    if not values.get("SYNERGY_BACKUP_KEY"):
        raise StackError(f"{keys} is no file of `just escrow`: it has no SYNERGY_BACKUP_KEY.")
    if not source and not values.get("SYNERGY_BACKUP_S3_BUCKET"):
        raise StackError("Where are the backups? `--from FOLDER`: the keys name no bucket.")
    if source and not (Path(source) / "sets").is_dir():
        raise StackError(f"{source} holds no backups: there is no folder sets in it.")
    stack.env_file.touch(mode=0o600)
    stack.env_file.write_text(keys.read_text())  # as it was, to the letter
    stack.save({_VOLUME: ""})
    with stack.lock():
        try:
            project = _project(stack)
            if found := _volumes(stack, project):
                raise StackError(
                    f"There are volumes of a system here ({found[0]}, …): remove them first, or choose another name."
                )
        except StackError:
            stack.env_file.unlink()
            raise
        proven = False
        try:
            write_secrets(stack)
            say("Building the images …")
            stack.compose("build", "--quiet")
            _fetch(stack, project, source)
            choice = _choice(backup_id, to)
            chosen = _choose(stack, choice)
            new = _restored_volume(stack, project, [*choice, *_despite(damage=despite_damage)])
            stack.save({_VOLUME: new})
            proven = True
            _put_files_back(stack, project, chosen)
            _start(stack)
            smoke.smoke(stack)
        except BaseException:
            if not proven:  # nothing was here before: the next try begins as this one did
                stack.compose("down", "--volumes", check=False)
                stack.env_file.unlink(missing_ok=True)
                shutil.rmtree(stack.root / "secrets", ignore_errors=True)
            raise
        if _in_container(stack, "backup", "--full"):
            raise StackError("The system runs, but its first backup failed. Mend that now: `just backup --full`.")
        say(f"SynergyOS runs again: {stack.setting('SYNERGY_PUBLIC_URL', '')}")


def _fetch(stack: Stack, project: str, source: str | None) -> None:
    say("Fetching the backups …")
    if source is None:
        stack.compose("run", "--rm", "--no-deps", "-T", "backup", "container", "fetch")
        return
    image = f"{stack.setting('SYNERGY_IMAGE_PREFIX', 'synergyos/')}backup:{stack.setting('SYNERGY_VERSION', 'latest')}"
    stack.docker(
        "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "sh",
        "--volume", f"{Path(source).absolute()}:/from:ro", "--volume", f"{project}_backups:/backups", image,
        "-c", "cp -a /from/. /backups/ && chown -R postgres:postgres /backups",
    )  # fmt: skip
