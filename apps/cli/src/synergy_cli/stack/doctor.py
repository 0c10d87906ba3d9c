"""`doctor`: what is wrong with the stack, seen from outside, and what mends it.

What PostgreSQL, Redis and the proxy tell is judged by the checks that `synergy doctor` has too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from synergy_cli.backup.hints import keys_hint
from synergy_cli.doctor import table
from synergy_cli.doctor.checks import certificate, database, machine
from synergy_cli.doctor.checks.redis import REDIS_CHECKS
from synergy_cli.doctor.facts import Facts, PrivateFile, SettingsFacts
from synergy_cli.doctor.findings import (
    EXIT_BLIND,
    Check,
    Finding,
    NotSeen,
    NotUsed,
    as_json,
    as_text,
    exit_status,
    fault,
    look,
    ok,
)
from synergy_cli.doctor.http import Site
from synergy_cli.stack import containers
from synergy_cli.stack.compose import Stack, StackError, say
from synergy_cli.stack.containers import Seen
from synergy_cli.stack.init import secret_files, version
from synergy_cli.stack.inside import ask_database, ask_redis
from synergy_cli.stack.rollout import check_connections, replicas

# as synergy_platform.settings, which needs more than the standard library
_PLACEHOLDERS = ("changeme", "change-me", "secret", "insecure", "placeholder", "example")
_MIN_SECRET_LENGTH = 32
# their facts are of the process that asks
_NOT_FROM_OUTSIDE = {database.pools, database.session}

_CONTAINERS: list[tuple[str, Callable[[Seen], Finding]]] = [
    ("all there", containers.all_there),
    ("healthy", containers.healthy),
    ("restarts", containers.restarts),
    ("killed for memory", containers.out_of_memory),
    ("memory", containers.memory),
    ("limits", containers.limits),
    ("migration", containers.migrated),
    ("one version", containers.one_version),
    ("ports", containers.ports),
    ("volumes", containers.volumes),
    ("rights", containers.rights),
]


def doctor(stack: Stack, *, production: bool, is_json: bool) -> int:
    """Look and tell; the exit status. It changes nothing."""
    try:
        stack.require_init()
        root = engine_root(stack)
        seen, faults = _containers(stack)
        facts = _facts(stack, root, production=production, faults=faults)
    except (StackError, OSError, ValueError) as error:
        reason = (
            str(error) if isinstance(error, (StackError, OSError)) else "the engine or .env holds what cannot be read"
        )
        say(json.dumps({"status": EXIT_BLIND, "error": reason}) if is_json else f"Could not look: {reason}")
        return EXIT_BLIND
    rows = look(_table(stack, seen), facts)
    say(as_json(rows) if is_json else as_text(rows))
    return exit_status(rows)


def _table(stack: Stack, seen: Seen | None) -> list[Check]:
    def of_containers(run: Callable[[Seen], Finding]) -> Callable[[Facts], Finding]:
        def check(_: Facts) -> Finding:
            if seen is None:
                raise NotSeen("compose.yaml cannot be read with this .env")
            return run(seen)

        return check

    return [
        *table.SETTINGS,
        Check("settings", "secrets", lambda _: secrets_there(stack.root)),
        *(Check("containers", name, of_containers(run)) for name, run in _CONTAINERS),
        *(each for each in table.DATABASE if each.run not in _NOT_FROM_OUTSIDE),
        Check("database", "pools", lambda _: _pools(stack)),
        *REDIS_CHECKS, *table.BACKGROUND, *table.API, *table.WEB, *table.MAILS, *table.BACKUPS,
        *table.MACHINE,
        Check("certificate", "of the proxy", lambda facts: _certificate(stack, facts)),
    ]  # fmt: skip


def engine_root(stack: Stack) -> Path:
    """Where the engine keeps containers and volumes; StackError when it cannot be asked."""
    told = stack.docker("info", "--format", "{{.DockerRootDir}}", capture=True, check=False)
    if told.returncode != 0:
        raise StackError("The Docker engine does not answer. See that it runs, and that this user may use it.")
    return Path(told.stdout.strip())


def _containers(stack: Stack) -> tuple[Seen | None, list[str]]:
    """What the engine tells, and what is wrong with the settings that compose reads."""
    try:
        config = stack.config()
    except StackError:
        return None, ["`docker compose config --quiet` refuses compose.yaml or .env and says why"]
    ids = stack.compose("ps", "--all", "--quiet", "--no-trunc", capture=True).stdout.split()
    found = stack.describe(ids)
    running = [each["Id"] for each in found if each["State"]["Status"] == "running"]
    options = ("--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemPerc}}")
    # without an id it would tell of all that run on this machine
    stats = stack.docker("stats", *options, *running, capture=True).stdout if running else ""
    volumes = stack.docker("volume", "ls", "--quiet", capture=True).stdout.split()
    return Seen(
        config=config,
        containers=found,
        memory=read_shares(stats),
        volumes=frozenset(volumes),
        tag=stack.setting("SYNERGY_VERSION", "latest"),
    ), []


def read_shares(text: str) -> dict[str, float]:
    """`docker stats`: id and percent, a line each."""
    pairs = [line.split() for line in text.splitlines()]
    return {pair[0]: float(pair[1].rstrip("%")) for pair in pairs if len(pair) == 2 and pair[1] != "--"}


def _facts(stack: Stack, root: Path, *, production: bool, faults: list[str]) -> Facts:
    public = urlsplit(stack.setting("SYNERGY_PUBLIC_URL", "https://localhost"))
    port = stack.count("SYNERGY_HTTPS_PORT", 443)
    tag = stack.setting("SYNERGY_VERSION", "")
    is_production = stack.setting("SYNERGY_ENV", "production") != "development"
    site = Site(f"https://127.0.0.1:{port}", public.netloc)
    facts = Facts(
        production=production or is_production,
        start="`just up`",
        version=found[0] if (found := re.match(r"\d+\.\d+\.\d+", tag)) else version(stack.root),
        settings_faults=faults,
        production_faults=production_faults(stack),
        known_settings=read_settings(stack, is_production=is_production),
        api=site,
        web=site,
        unseen="the server is elsewhere; `docker compose exec api synergy doctor` asks it from there",
        disks={"stack": stack.root},
        private_files=[
            PrivateFile(stack.env_file, 0o600),
            PrivateFile(stack.root / "secrets", 0o700),
            *(PrivateFile(path, 0o400) for path in sorted((stack.root / "secrets").iterdir())),
        ],
    )
    if root.is_dir():
        facts.disks["containers and volumes"] = root
    if stack.setting("DB_HOST", "db") == "db":
        facts.database, facts.database_trouble = ask_database(stack)
        if facts.database is not None:
            facts.database = {"free": machine.free_bytes(root), **facts.database}
    if not stack.setting("TASKIQ_BROKER_URL", stack.setting("CELERY_BROKER_URL", "")):
        facts.broker, facts.broker_trouble = ask_redis(stack, "broker")
    if not stack.setting("REDIS_URL", ""):
        facts.cache, facts.cache_trouble = ask_redis(stack, "cache")
    return facts


def _list(stack: Stack, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in stack.setting(name, "").split(",") if part.strip())


def read_settings(stack: Stack, *, is_production: bool) -> SettingsFacts:
    """The settings of .env that checks look at."""
    cache, broker = stack.setting("REDIS_URL", ""), stack.setting("TASKIQ_BROKER_URL", "")
    return SettingsFacts(
        secret_keys=_list(stack, "SECRET_KEY"),
        allowed_hosts=_list(stack, "ALLOWED_HOSTS"),
        public_url=stack.setting("SYNERGY_PUBLIC_URL", ""),
        cookies_secure=stack.switch("SESSION_COOKIE_SECURE", default=is_production),
        mail_backend=stack.setting("EMAIL_BACKEND", "smtp" if is_production else "folder"),
        mail_from=stack.setting("DEFAULT_FROM_EMAIL", ""),
        keys_hint=keys_hint(_list(stack, "SECRET_KEY"), stack.setting("SYNERGY_BACKUP_KEY", "")),
        same_redis=bool(cache) and urlsplit(cache).netloc == urlsplit(broker).netloc,
    )


def production_faults(stack: Stack) -> list[str]:
    """What the processes would refuse to start on, as far as .env tells."""
    keys = _list(stack, "SECRET_KEY")
    faults: list[str] = []
    if stack.switch("DEBUG", default=False):
        faults.append("DEBUG must be off in production")
    if any(len(key) < _MIN_SECRET_LENGTH for key in keys):
        faults.append(f"SECRET_KEY has fewer than {_MIN_SECRET_LENGTH} characters")
    if any(word in key.lower() for key in keys for word in _PLACEHOLDERS):
        faults.append("SECRET_KEY is a placeholder")
    if "*" in (*_list(stack, "CORS_ALLOWED_ORIGINS"), *_list(stack, "CSRF_TRUSTED_ORIGINS")):
        faults.append("CORS_ALLOWED_ORIGINS and CSRF_TRUSTED_ORIGINS must name origins, not *")
    return faults


def secrets_there(root: Path) -> Finding:
    """Compose makes a folder of each file that it misses, and no container starts."""
    missing = [name for name in secret_files({}) if not (root / "secrets" / name).is_file()]
    if missing:
        return fault(f"secrets/ lacks {', '.join(missing)}.", "Run `just init`.", "process-does-not-start")
    return ok("secrets/ has what the containers read.")


def _pools(stack: Stack) -> Finding:
    try:
        check_connections(stack, replicas(stack))
    except StackError as error:
        text = str(error).partition(". ")[0]
        return fault(f"{text}.", "Scale down, lower WEB_WORKERS, or put PgBouncer between.", "database-refused")
    return ok("All processes together fit into the database's connections.")


def _certificate(stack: Stack, facts: Facts) -> Finding:
    host = urlsplit(facts.settings.public_url).hostname or "localhost"
    if host == "localhost":
        raise NotUsed("nobody signs a certificate for localhost")
    return certificate.judge("127.0.0.1", host, stack.count("SYNERGY_HTTPS_PORT", 443))
