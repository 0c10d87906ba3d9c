"""`deploy`, `rollback`, `scale`, `restart`: new containers first, old ones after, and never a request lost."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

from synergy_cli.stack.compose import Stack, StackError, say
from synergy_cli.stack.init import version, write_secrets
from synergy_cli.stack.smoke import unwell

# In this order: what serves requests first, so that a page never meets an API that is older than itself.
ROLLING = ("api", "web", "worker", "scheduler")
REPLICAS = {name: f"SYNERGY_{name.upper()}_REPLICAS" for name in ROLLING}
_BEHIND_PROXY = ("api", "web")

_HEALTH_GATE_SECONDS = 180.0
_WELL_SECONDS = 60.0
# the proxy asks for the addresses every 5 s
_PROXY_LOOKUP_SECONDS = 6.0
_GRACE_SECONDS = {"api": 35, "web": 20, "worker": 40, "scheduler": 20}

# connections that one process opens beside its pool: the listener of an API process; relay and lease of a worker
DIRECT_CONNECTIONS = {"api": 1, "worker": 2, "scheduler": 1}
MAX_CONNECTIONS = 100  # where SYNERGY_DB_MAX_CONNECTIONS says nothing else
RESERVED_CONNECTIONS = 10  # for the superuser, migrations, backup and psql


@dataclass(frozen=True)
class Release:
    """The tag of the images that the stack runs."""

    tag: str

    @property
    def environment(self) -> dict[str, str]:
        """What compose needs to use these images."""
        return {"SYNERGY_VERSION": self.tag}


def deploy(stack: Stack, *, tag: str | None, build: bool, pull: bool) -> None:
    """Build (or pull) and roll out; when a new container does not become healthy, everything goes back by itself."""
    stack.require_init()
    with stack.lock():
        started = time.monotonic()
        current = current_release(stack)
        write_secrets(stack)
        wanted = provide_images(stack, tag=tag, build=build, pull=pull)
        switch(stack, wanted, current)
        renew_backup(stack, wanted, build=build and not pull, pull=pull)
        say(f"{wanted.tag} runs ({time.monotonic() - started:.0f} s). `just rollback` goes back to {current.tag}.")


def current_release(stack: Stack) -> Release:
    """The one that .env names."""
    return Release(stack.setting("SYNERGY_VERSION", "latest"))


def provide_images(stack: Stack, *, tag: str | None, build: bool, pull: bool) -> Release:
    """Build or pull the images of this checkout, or of `tag`; StackError when they are not here then."""
    wanted = Release(tag or _tag_of_checkout(stack))
    if pull:
        say(f"Pulling {wanted.tag} …")
        stack.compose("pull", "--quiet", *ROLLING, "migrate", env=wanted.environment)
    elif build:
        say(f"Building {wanted.tag} …")
        revision = _git(stack, "rev-parse", "HEAD")
        stack.compose("build", "--quiet", "migrate", "web", env={**wanted.environment, "SYNERGY_REVISION": revision})
    _require_images(stack, wanted)
    return wanted


def switch(stack: Stack, wanted: Release, current: Release) -> None:
    """Migrate, replace all containers, keep the tags in .env; StackError, and `current` as before, when it fails."""
    _roll_out(stack, wanted, back_to=current)
    if wanted != current:
        stack.save({"SYNERGY_VERSION": wanted.tag, "SYNERGY_PREVIOUS_VERSION": current.tag})


def renew_backup(stack: Stack, release: Release, *, build: bool, pull: bool) -> None:
    """Give the backup container the release that runs: it serves nobody, so it may be away for a moment.

    A failure is told and nothing more: the release runs, and the alert on old backups stands behind this.
    """
    if not stack.containers("backup"):  # the database is elsewhere
        return
    try:
        if pull:
            stack.compose("pull", "--quiet", "backup", env=release.environment)
        elif build:
            stack.compose("build", "--quiet", "backup", env=release.environment)
        options = ("--detach", "--no-deps", "--no-build", "--wait")
        stack.compose("up", *options, "backup", env=release.environment, capture=True)
    except StackError as error:
        say(f"The backup container is still as it was, so mend this and `just deploy` again: {error}")


def rollback(stack: Stack) -> None:
    """Roll back to the release before; the schema stays as it is, which that release has to know."""
    stack.require_init()
    with stack.lock():
        current = current_release(stack)
        previous = stack.setting("SYNERGY_PREVIOUS_VERSION", "")
        if not previous:
            raise StackError("There is no release before this one: nothing was deployed yet.")
        wanted = Release(previous)
        _require_images(stack, wanted)
        _roll_out(stack, wanted, back_to=current, migrate=False)
        stack.save({"SYNERGY_VERSION": wanted.tag, "SYNERGY_PREVIOUS_VERSION": current.tag})
        renew_backup(stack, wanted, build=False, pull=False)
        say(f"Back on {wanted.tag}. `just rollback` would bring {current.tag} again.")


def restart(stack: Stack, services: Iterable[str]) -> None:
    """Replace containers one after another, without a lost request where more than the engine is needed for that."""
    stack.require_init()
    with stack.lock():
        release = current_release(stack)
        for service in list(services) or ROLLING:
            if service in ROLLING:
                replace(stack, service, release)
            else:
                say(f"{service}: made anew")
                stack.compose("up", "--detach", "--no-deps", "--force-recreate", "--no-build", "--wait", service)


def scale(stack: Stack, wanted: dict[str, int]) -> None:
    """Set how many containers of a service run; kept in .env. StackError when the database has too few connections."""
    stack.require_init()
    unknown = [name for name in wanted if name not in REPLICAS]
    if unknown:
        raise StackError(f"{unknown[0]} cannot be scaled. These can: {', '.join(REPLICAS)}.")
    with stack.lock():
        counts = replicas(stack) | wanted
        check_room(stack, counts)
        stack.save({REPLICAS[name]: str(count) for name, count in wanted.items()})
        options = [word for name, count in wanted.items() for word in ("--scale", f"{name}={count}")]
        stack.compose("up", "--detach", "--no-deps", "--no-recreate", "--no-build", *options, *wanted)
        for name in wanted:
            stack.wait_ready([each.id for each in stack.containers(name)], _HEALTH_GATE_SECONDS)
        say(" ".join(f"{name}={count}" for name, count in counts.items()))


def connections(*, api_processes: int, workers: int, schedulers: int, pool: int, worker_pool: int) -> int:
    """Connections that so many processes may open to the database together."""
    processes = {"api": api_processes, "worker": workers, "scheduler": schedulers}
    sizes = {"api": pool, "worker": worker_pool, "scheduler": pool}
    return sum(processes[name] * (sizes[name] + more) for name, more in DIRECT_CONNECTIONS.items())


def check_connections(stack: Stack, counts: dict[str, int]) -> None:
    """The pools of all processes together have to fit into the database's max_connections."""
    api_processes = counts["api"] * stack.count("WEB_WORKERS", 4)
    needed = connections(
        api_processes=api_processes,
        workers=counts["worker"],
        schedulers=counts["scheduler"],
        pool=stack.count("SYNERGY_DB_POOL_SIZE", 3),
        worker_pool=stack.count("SYNERGY_WORKER_DB_POOL_SIZE", 5),
    )
    available = stack.count("SYNERGY_DB_MAX_CONNECTIONS", MAX_CONNECTIONS) - RESERVED_CONNECTIONS
    if stack.setting("DB_HOST", "db") == "db" and needed > available:
        raise StackError(
            f"{api_processes} API processes, {counts['worker']} workers and {counts['scheduler']} schedulers may open "
            f"{needed} connections, and the database gives {available}. Take fewer of them, a lower WEB_WORKERS, a "
            "higher SYNERGY_DB_MAX_CONNECTIONS (`just tune`, then `just restart db`), or put a connection pooler "
            "(PgBouncer) between: DB_HOST names it, DB_DIRECT_HOST the database."
        )


def replicas(stack: Stack) -> dict[str, int]:
    """How many containers of each service are wanted."""
    return {name: stack.count(REPLICAS[name], 1) for name in ROLLING}


def check_room(stack: Stack, counts: dict[str, int]) -> None:
    """One more API container than that has to fit: a deploy's new one, while the old one still runs."""
    check_connections(stack, {**counts, "api": counts["api"] + 1})


def replace(stack: Stack, service: str, release: Release) -> None:
    """Put containers of `release` in the place of all that run, one by one; StackError when a new one fails.

    One at a time, because each opens connections to the database, which are counted.
    """
    old = stack.containers(service)
    count = stack.count(REPLICAS[service], 1)
    say(f"{service}: {count} new for {len(old)}")
    for place in range(max(count, len(old))):
        if place < count:
            _add_one(stack, service, release)
        if place < len(old):
            stack.docker("stop", "--time", str(_GRACE_SECONDS[service]), old[place].id, capture=True, check=False)
            stack.docker("rm", "--force", old[place].id, capture=True, check=False)


def _add_one(stack: Stack, service: str, release: Release) -> None:
    before = {each.id for each in stack.containers(service)}
    count = f"{service}={len(before) + 1}"
    options = ("--detach", "--no-deps", "--no-recreate", "--no-build", "--scale", count)
    stack.compose("up", *options, service, env=release.environment, capture=True)
    new = [each.id for each in stack.containers(service) if each.id not in before]
    try:
        if len(new) != 1:
            raise StackError(f"No new container of {service} was made.")
        stack.wait_ready(new, _HEALTH_GATE_SECONDS)
        if service == "api":
            _wait_for_readiness(stack, new[0])
        if service in _BEHIND_PROXY and before:
            time.sleep(_PROXY_LOOKUP_SECONDS)
    except (StackError, KeyboardInterrupt):
        if new:
            stack.docker("rm", "--force", *new, capture=True, check=False)
        raise


def _wait_for_readiness(stack: Stack, container: str) -> None:
    """The container's health check says that it lives; this, that it may take traffic: database and schema fit."""
    deadline = time.monotonic() + 30
    while True:
        done = stack.docker("exec", container, "python", "-m", "synergy_api", "ready", capture=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise StackError(f"The new API is not ready: {(done.stdout + done.stderr).strip()}")
        time.sleep(1)


def _roll_out(stack: Stack, wanted: Release, *, back_to: Release, migrate: bool = True) -> None:
    check_room(stack, replicas(stack))
    was_well = bool(stack.containers("proxy")) and not unwell(stack)
    if migrate:
        # it reads the settings too, and names every fault in them before anything is touched
        say("Migrating …")
        stack.compose("run", "--rm", "--no-deps", "-T", "migrate", env=wanted.environment)
    touched: list[str] = []
    try:
        for service in ROLLING:
            touched.append(service)
            replace(stack, service, wanted)
        reload_proxy(stack)
        if was_well:  # what was amiss before is not this release's doing, and no reason to keep the old one
            _wait_until_well(stack)
    except (StackError, KeyboardInterrupt) as error:
        reason = str(error) or "Interrupted."
        if wanted == back_to:  # other settings, the same images: there is nothing else to go back to
            raise StackError(
                f"{reason}\nSome containers may have the new settings; mend .env and deploy again."
            ) from None
        failed = _go_back(stack, touched, wanted, back_to)
        if failed:
            raise StackError(
                f"{reason}\nNot all went back to {back_to.tag}, so mend this and `just deploy --tag {back_to.tag} "
                "--no-build`:\n" + "\n".join(failed)
            ) from None
        raise StackError(f"{reason}\n{back_to.tag} runs as before.") from None


def _wait_until_well(stack: Stack) -> None:
    """Health checks say that containers live; this, that together they work: database, Redis, background work."""
    deadline = time.monotonic() + _WELL_SECONDS
    while said := unwell(stack):
        if time.monotonic() > deadline:
            raise StackError(f"With the new containers the system is not well: {said}")
        time.sleep(1)


def _go_back(stack: Stack, touched: list[str], wanted: Release, back_to: Release) -> list[str]:
    """As far as it goes; what did not go back, and why."""
    say(f"This did not work; going back to {back_to.tag} …")
    failed: list[str] = []
    for service in reversed(touched):
        if any(each.image.endswith(f":{wanted.tag}") for each in stack.containers(service)):
            try:
                replace(stack, service, back_to)
            except StackError as error:
                failed.append(f"{service}: {error}")
    return failed


def reload_proxy(stack: Stack) -> None:
    """Let the proxy take the configuration in nginx/ where it has changed; a faulty one is refused, the old one stays.

    A reload ends kept connections at a moment that a client may just use: it is not done for nothing.
    """
    for each in stack.containers("proxy"):
        if each.status == "running":
            stack.docker("exec", each.id, "reload-proxy", capture=True)


def image_of(stack: Stack, name: str, release: Release) -> str:
    """The full name of the image `python` or `web` of a release."""
    return f"{stack.setting('SYNERGY_IMAGE_PREFIX', 'synergyos/')}{name}:{release.tag}"


def _require_images(stack: Stack, release: Release) -> None:
    for name in ("python", "web"):
        image = image_of(stack, name, release)
        if stack.docker("image", "inspect", image, capture=True, check=False).returncode != 0:
            raise StackError(
                f"The image {image} is not here. Build it from its own commit (`git checkout` it, then `just deploy "
                f"--tag {release.tag}`) or pull it (`just deploy --tag {release.tag} --pull`)."
            )


def _git(stack: Stack, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=stack.root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _tag_of_checkout(stack: Stack) -> str:
    """Version and commit; with changes that are not committed, the time too, so that each build has its own tag."""
    commit = _git(stack, "rev-parse", "--short=10", "HEAD")
    tag = f"{version(stack.root)}-{commit}" if commit else version(stack.root)
    if not commit or _git(stack, "status", "--porcelain", "--", "packages", "apps", "docker"):
        tag += time.strftime("-%Y%m%d%H%M%S", time.gmtime())
    return re.sub(r"[^A-Za-z0-9_.-]", "-", tag)
