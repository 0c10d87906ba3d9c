"""The verbs and their arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from synergy_cli.backup.moment import read_moment
from synergy_cli.stack import doctor, images, init, logs, maintenance, recovery, rollout, smoke, tls, tune, upgrade
from synergy_cli.stack.compose import Stack, StackError, find_root, say

Verb = Callable[[Stack, argparse.Namespace], "int | None"]
AddVerb = Callable[[str, str, Verb], argparse.ArgumentParser]


def _up(stack: Stack, _: argparse.Namespace) -> int | None:
    stack.require_init()
    with stack.lock():
        init.write_secrets(stack)
        # builds what is not there; never another checkout's code under the name of the release that runs
        stack.compose("up", "--detach", "--wait")
    say(f"SynergyOS runs: {stack.setting('SYNERGY_PUBLIC_URL', '')}")
    return None


def _scale(stack: Stack, arguments: argparse.Namespace) -> int | None:
    wanted: dict[str, int] = {}
    for pair in arguments.counts:
        name, _, count = pair.partition("=")
        if not count.isdigit() or int(count) < 1:
            raise StackError(f"{pair!r} cannot be read. Write it as api=3 worker=5, each at least 1.")
        wanted[name] = int(count)
    rollout.scale(stack, wanted)
    return None


def _logs(stack: Stack, arguments: argparse.Namespace) -> int:
    if arguments.request:
        return logs.request_logs(stack, arguments.request, arguments.service, follow=not arguments.no_follow)
    follow = () if arguments.no_follow else ("--follow",)
    options = ["--tail", str(arguments.lines), *follow]
    return stack.interactive("logs", *options, *arguments.service)


def _psql(stack: Stack, arguments: argparse.Namespace) -> int:
    name = stack.setting("DB_NAME", "synergyos")
    if arguments.write:
        command = f'psql -U postgres -d "{name}" "$@"'
    else:
        password = "$(sed -n s/^readonly=//p /run/secrets/db_passwords)"  # noqa: S105 - where it is read
        command = f'PGPASSWORD={password} psql -h 127.0.0.1 -U synergy_readonly -d "{name}" "$@"'
    return stack.execute("db", "sh", "-c", command, "psql", *arguments.rest)


def _redis_cli(stack: Stack, arguments: argparse.Namespace) -> int:
    command = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"'
    return stack.execute(arguments.server, "sh", "-c", command, "redis-cli", *arguments.rest)


def _create_admin(stack: Stack, arguments: argparse.Namespace) -> int:
    return stack.execute("api", "synergy", "create-admin", *arguments.rest)


def _deploy(stack: Stack, arguments: argparse.Namespace) -> None:
    rollout.deploy(stack, tag=arguments.tag, build=not arguments.no_build, pull=arguments.pull)


def _upgrade(stack: Stack, arguments: argparse.Namespace) -> int:
    tag, build, pull = arguments.tag, not arguments.no_build, arguments.pull
    if arguments.plan:
        return upgrade.show_plan(stack, tag=tag, build=build, pull=pull)
    upgrade.upgrade(stack, tag=tag, build=build, pull=pull, with_backup=not arguments.no_backup)
    return 0


def _tls(stack: Stack, arguments: argparse.Namespace) -> None:
    if arguments.action == "renew":
        tls.tls_renew(stack, force=arguments.force)
        return
    if not arguments.email:
        raise StackError("The authority wants an address for warnings: `just tls init --email ops@example.org`.")
    tls.tls_init(
        stack, email=arguments.email, staging=arguments.staging, server=arguments.server, insecure=arguments.insecure
    )


def _doctor(stack: Stack, arguments: argparse.Namespace) -> int:
    return doctor.doctor(stack, production=arguments.prod, is_json=arguments.json)


def _moment(text: str | None) -> str | None:
    """With its zone: that of the container, which would read it else, may be another one."""
    if not text:
        return None
    try:
        moment = read_moment(text)
    except ValueError as error:
        raise StackError(str(error)) from None
    say(f"Up to {moment.isoformat(sep=' ')}.")
    return moment.isoformat()


def _restore(stack: Stack, arguments: argparse.Namespace) -> int:
    return recovery.restore(
        stack, backup_id=arguments.backup, to=_moment(arguments.to), verify=arguments.verify,
        despite_damage=arguments.despite_damage, confirmed=arguments.yes,
    )  # fmt: skip


def _recover(stack: Stack, arguments: argparse.Namespace) -> None:
    recovery.recover(
        stack, keys=arguments.keys, source=arguments.source, backup_id=arguments.backup, to=_moment(arguments.to),
        despite_damage=arguments.despite_damage,
    )  # fmt: skip


def _add_releases(verb: AddVerb) -> None:
    both = [
        verb("deploy", "build and roll out; goes back by itself when it does not work", _deploy),
        verb("upgrade", "backup, then as deploy; goes back when it does not work", _upgrade),
    ]
    for one in both:
        one.add_argument("--tag", help="tag of the images; version and commit when none is given")
        one.add_argument("--pull", action="store_true", help="pull the images instead of building them")
        one.add_argument("--no-build", action="store_true", help="use images that are here")
    both[1].add_argument("--plan", action="store_true", help="say what would happen; change nothing")
    both[1].add_argument("--no-backup", action="store_true", help="without a backup before")
    verb("rollback", "go back to the release before", lambda s, _: rollout.rollback(s))


def _add_recovery(verb: AddVerb) -> None:
    one = verb("backup", "take a backup now", lambda s, a: recovery.backup(s, full=a.full))
    one.add_argument("--full", action="store_true", help="one that needs none of before")
    one = verb("backups", "what can be restored", lambda s, a: recovery.backups(s, *(["--json"] if a.json else [])))
    one.add_argument("--json", action="store_true", help="for scripts")
    one = verb("restore", "go back to an earlier state: into a new cluster, proven, then swapped", _restore)
    one.add_argument("--backup", metavar="ID", help="of `backups`; the newest that fits when none is given")
    one.add_argument("--to", metavar="TIME", help="2026-11-30T14:05:00+01:00; the end of the log when none is given")
    one.add_argument("--verify", action="store_true", help="only try it, beside the running system")
    one.add_argument("--yes", action="store_true", help="really swap")
    despite = "do not look at what only other backups need; damage to what this one needs still stops it"
    one.add_argument("--despite-damage", action="store_true", help=despite)
    verb("drill", "restore the newest backup beside the running system, and compare", lambda s, _: recovery.drill(s))
    one = verb("escrow", "write all keys to a file for a safe", lambda s, a: recovery.escrow(s, a.file))
    one.add_argument("file", type=Path)
    one = verb("recover", "from the keys and the backups to a running system, on a bare machine", _recover)
    one.add_argument("keys", type=Path, help="the file of `escrow`")
    one.add_argument("--backup", metavar="ID", help="as with restore")
    one.add_argument("--from", dest="source", metavar="FOLDER", help="with the backups; else the bucket of the keys")
    one.add_argument("--to", metavar="TIME", help="as with restore")
    one.add_argument("--despite-damage", action="store_true", help=despite)


def _add_logs(verb: AddVerb) -> None:
    one = verb("logs", "follow the logs", _logs)
    one.add_argument("service", nargs="*")
    one.add_argument("-n", "--lines", type=int, default=100)
    one.add_argument("--no-follow", action="store_true")
    one.add_argument("--request", metavar="ID", help="only the lines of one request, all that are kept")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="just", description="SynergyOS on one server, by docker compose.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, run: Verb) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    one = verb("init", "write .env with fresh secrets, and secrets/", lambda s, a: init.init(s, host=a.host))
    one.add_argument("host", nargs="?", help="public name; localhost when none is given")
    verb("up", "start everything, and build the images that are not here", _up)
    one = verb("down", "end and remove all containers; the data stays", lambda s, a: s.interactive("down", *a.rest))
    for name, text in (("start", "start stopped containers"), ("stop", "stop containers"), ("pull", "pull the images")):
        one = verb(name, text, lambda s, a: s.interactive(a.verb, *a.service))
        one.add_argument("service", nargs="*")
    one = verb("restart", "replace containers, one after another", lambda s, a: rollout.restart(s, a.service))
    one.add_argument("service", nargs="*")
    _add_logs(verb)
    verb("ps", "containers and their health", lambda s, _: s.interactive("ps", "--all"))
    verb("stats", "memory and processor time of each container", lambda s, _: s.interactive("stats", "--no-stream"))
    one = verb("build", "build the images", lambda s, a: s.interactive("build", *a.service))
    one.add_argument("service", nargs="*")
    verb("pin-images", "write the digests of the base images to .env", lambda s, _: images.pin_images(s))
    _add_releases(verb)
    one = verb("scale", "set the number of containers: api=3 worker=5", _scale)
    one.add_argument("counts", nargs="+", metavar="SERVICE=COUNT")
    verb("migrate", "bring the schema up to date", lambda s, _: s.interactive("run", "--rm", "--no-deps", "migrate"))
    one = verb("create-admin", "make an account that runs the instance", _create_admin)
    one = verb("shell", "a shell in a container", lambda s, a: s.execute(a.service, "sh"))
    one.add_argument("service", nargs="?", default="api")
    one = verb("psql", "the database, read-only unless --write", _psql)
    one.add_argument("--write", action="store_true", help="as the superuser")
    one = verb("redis-cli", "a Redis server: broker or cache", _redis_cli)
    one.add_argument("server", choices=["broker", "cache"])
    tune.add_options(verb("tune", "what to set for this machine, and why; status 1: something does not fit", tune.tune))
    one = verb("tls", "certificates by ACME", _tls)
    one.add_argument("action", choices=["init", "renew"])
    one.add_argument("--email")
    one.add_argument("--staging", action="store_true", help="of the authority's test service")
    one.add_argument("--server", help="address of another authority's ACME directory")
    one.add_argument("--insecure", action="store_true", help="do not verify the authority's own certificate (tests)")
    one.add_argument("--force", action="store_true", help="renew what is not due yet")
    one = verb(
        "doctor", "say what is wrong and what mends it; exit status 0 well, 1 a fault, 2 could not look", _doctor
    )
    one.add_argument("--prod", action="store_true", help="with production's rules, whatever SYNERGY_ENV says")
    one.add_argument("--json", action="store_true", help="for scripts")
    _add_recovery(verb)
    verb(
        "maintenance-status", "show the lists of maintenance; exit status 1 when something is overdue",
        lambda s, a: maintenance.maintenance(s, ["status", *a.rest]),
    )  # fmt: skip
    verb(
        "maintenance", "run TASK, record TASK …, show TASK, logs, dependencies",
        lambda s, a: maintenance.maintenance(s, a.rest or ["--help"]),
    )  # fmt: skip
    verb("smoke", "ask through the proxy what a user meets first", lambda s, _: smoke.smoke(s))
    return parser


# their words belong to the program that is called, and argparse would look into them
_PASSED_ON = {"down", "create-admin", "psql", "redis-cli", "maintenance", "maintenance-status"}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    words = list(arguments)
    rest: list[str] = []
    if words and words[0] in _PASSED_ON:
        own = {"psql": ["--write"], "redis-cli": ["broker", "cache"]}.get(words[0], [])
        count = 2 if words[1:2] and words[1] in [*own, "--help"] else 1
        words, rest = words[:count], words[count:]
    parsed = _parser().parse_args(words)
    parsed.rest = rest
    return parsed


def _root(parsed: argparse.Namespace) -> Path:
    """The stack's folder; to be told what to set, none is needed yet."""
    try:
        return find_root(Path.cwd())
    except StackError:
        if parsed.verb == "tune" and not parsed.write:
            return Path.cwd()
        raise


def main(arguments: Sequence[str]) -> int:
    """Do what the words say; the exit status. A failure is one sentence that says what to do."""
    parsed = _parse(arguments)
    try:
        return parsed.run(Stack(_root(parsed)), parsed) or 0
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(
            f"{error.filename or 'Something'} cannot be used: {error.strerror or error}. Run this as the user who ran "
            "`just init`.\n"
        )
        return 1
    except UnicodeError:
        sys.stderr.write("A file here is no UTF-8 text: look at .env and compose.yaml.\n")
        return 1
    except KeyboardInterrupt:
        return 130
