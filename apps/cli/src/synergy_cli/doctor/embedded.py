"""Looks at the system that the environment names: a running `synergy up`, or any other by its settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib

from synergy_cli.backup.hints import keys_hint
from synergy_cli.doctor.facts import Facts, PrivateFile, Process, SettingsFacts, Trouble
from synergy_cli.doctor.http import Site
from synergy_cli.doctor.process_facts import process
from synergy_cli.doctor.services import ask_database, ask_redis
from synergy_cli.local import home_of
from synergy_cli.stack.rollout import DIRECT_CONNECTIONS
from synergy_cli.up.environment import is_set
from synergy_platform.embedded.home import Home
from synergy_platform.embedded.process import reached_at
from synergy_platform.mail.mailers import smtp_client
from synergy_platform.settings import InvalidSettings, Settings, documented_settings, load_settings, same_redis
from synergy_platform.storage import make_storage
from synergy_platform.version import VERSION

_SMTP_SECONDS = 10.0
# of a tree of processes, as compose.yaml limits the containers
LIMITS_MB = {"api": 2048, "worker": 2048, "scheduler": 512, "web": 512}
_SETTLE_SECONDS = 1.0


def see(environ: Mapping[str, str], running: Mapping[str, str] | None, *, production: bool) -> Facts:
    """Everything there is to see; `running` is what a running `synergy up` says of its services."""
    embedded = not environ.get("DB_HOST")
    known = {**(running or {}), **environ}
    if embedded and running is None and not is_set(known, "SECRET_KEY"):
        known["SECRET_KEY"] = secrets.token_urlsafe(32)  # as `synergy up` makes one
    facts = Facts(production=production, start="`synergy up`" if embedded else "start its service", version=VERSION)
    settings = _settings(facts, known, production=production)
    home = home_of(known)
    facts.private_files = _private_files(known, home)
    if embedded and running is None:
        facts.not_running = Trouble(
            f"No SynergyOS runs on {home.path}.",
            "Start it with `synergy up`, or set DB_HOST and its companions to look at another one.",
            "process-does-not-start",
        )
        facts.unseen = "nothing runs" if settings else "the settings cannot be used"
    if settings is None or facts.not_running is not None:
        return facts
    disks = {"media": settings.media_path, "home": home.path}
    facts.disks = {what: path for what, path in disks.items() if path.exists()}
    name = urlsplit(settings.public_url).netloc
    facts.api = Site(_own_address(settings.api_host, settings.api_port), name)
    facts.web = _web(settings, name, embedded=embedded, known=known)
    if embedded:
        facts.processes = _processes(home, settings, has_web=facts.web is not None)
    facts.broker, facts.broker_trouble = ask_redis("broker", settings.broker_url)
    facts.cache, facts.cache_trouble = ask_redis("cache", settings.redis_url)
    folder = home.path / "postgres" if embedded else None
    facts.database, facts.database_trouble = asyncio.run(ask_database(settings, folder))
    facts.storage = asyncio.run(_storage(settings))
    facts.mail = asyncio.run(_mail(settings))
    return facts


def _settings(facts: Facts, known: Mapping[str, str], *, production: bool) -> Settings | None:
    try:
        settings = load_settings(known)
    except InvalidSettings as error:
        facts.settings_faults = error.faults
        return None
    facts.production = production or settings.is_production
    if facts.production:
        try:
            settings = load_settings(
                {**known, "SYNERGY_ENV": settings.environment if settings.is_production else "production"}
            )
        except InvalidSettings as error:
            facts.production_faults = error.faults
    counts = {"api": settings.web_workers, "worker": 1, "scheduler": 1}
    facts.known_settings = SettingsFacts(
        secret_keys=settings.secret_keys,
        allowed_hosts=settings.allowed_hosts,
        public_url=settings.public_url,
        cookies_secure=settings.cookies_secure,
        mail_backend=settings.mail_backend,
        mail_from=settings.email_from,
        keys_hint=_keys_hint(settings, known),
        same_redis=same_redis(settings.redis_url, settings.broker_url),
        connections=sum(counts[name] * (settings.db_pool_size + direct) for name, direct in DIRECT_CONNECTIONS.items()),
    )
    return settings


def _keys_hint(settings: Settings, known: Mapping[str, str]) -> str:
    kept = ""
    with contextlib.suppress(OSError):
        kept = (home_of(known).path / "backup-key").read_text().strip()
    return keys_hint(settings.secret_keys, settings.backup_key or kept)


def _own_address(host: str, port: int) -> str:
    host = reached_at(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _web(settings: Settings, name: str, *, embedded: bool, known: Mapping[str, str]) -> Site | None:
    if not embedded:
        public = urlsplit(settings.public_url)
        if public.hostname in {"localhost", settings.api_host} and public.port == settings.api_port:
            return None  # the API alone answers there
        return Site(settings.public_url) if known.get("SYNERGY_PUBLIC_URL") else None
    if (settings.host, settings.port) == (settings.api_host, settings.api_port):
        return None
    return Site(_own_address(settings.host, settings.port), name)


def _processes(home: Home, settings: Settings, *, has_web: bool) -> list[Process] | None:
    if sys.platform != "linux":
        return None
    found: list[Process] = []
    for name in ("api", "worker", "scheduler", *(("web",) if has_web else ())):
        pid = home.record(name).living()
        if pid is None:  # it may be about to be started again
            time.sleep(_SETTLE_SECONDS)
            pid = home.record(name).living()
        if pid is None:
            found.append(Process(name, runs=False))
            continue
        each = name == "api" and settings.api_max_mb > 0
        limit = settings.api_max_mb if each else LIMITS_MB[name]
        found.append(process(name, pid, limit, each=each))
    return found


def _private_files(known: Mapping[str, str], home: Home) -> list[PrivateFile]:
    places = [PrivateFile(home.path, 0o750), PrivateFile(Path(".env").absolute(), 0o640)]
    places += [
        PrivateFile(home.path / name, 0o600)
        for name in (
            "secret-key", "backup-key", "running.json", "postgres/password", "postgres/superuser-password",
            "broker/password", "broker/redis.conf", "cache/password", "cache/redis.conf",
        )
    ]  # fmt: skip
    secret = [name for setting in documented_settings() if setting.secret for name in (setting.name, *setting.aliases)]
    return places + [PrivateFile(Path(known[f"{n}_FILE"]), 0o640) for n in secret if known.get(f"{n}_FILE")]


async def _storage(settings: Settings) -> Trouble | str:
    """Write a small file, read it, delete it."""
    if settings.storage == "disk" and not settings.media_path.exists():
        # made with the first file, by whoever the product runs as; not by whoever asks
        return "The folder of files is made with the first one."
    content = secrets.token_bytes(1024)
    where = str(settings.media_path) if settings.storage == "disk" else f"the bucket {settings.s3_bucket}"
    try:
        storage = make_storage(settings)
        kept = await storage.write("doctor", _once(content), max_bytes=len(content))
        try:
            async with asyncio.timeout(20):
                read = b"".join([chunk async for chunk in await storage.read(kept.key, 0, len(content))])
        finally:
            await storage.delete(kept.key)
            if settings.storage == "disk":
                _tidy(settings.media_path / kept.key)
    except Exception as error:  # noqa: BLE001 - whatever it is, files cannot be kept; its text may hold an address
        return Trouble(
            f"Files cannot be kept in {where} ({type(error).__name__}).",
            "Give the folder to the user that SynergyOS runs as, or mend SYNERGY_S3_* and the bucket's rights.",
        )
    if read != content:
        return Trouble(
            f"{where} gives back something else than was written.", "Have the disk or the S3 server checked."
        )
    return f"A file was written to {where}, read and deleted."


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _tidy(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.parent.rmdir()
        file.parent.parent.rmdir()


async def _mail(settings: Settings) -> Trouble | str:
    match settings.mail_backend:
        case "console":
            return "Mails are only told to the log."
        case "folder":
            folder = settings.home_path / "mail"
            if os.access(folder if folder.exists() else settings.home_path, os.W_OK):
                return f"Mails are written to {folder}."
            return Trouble(f"Mails cannot be written to {folder}.", "Give the folder to the user of SynergyOS.")
        case "smtp":
            return await _smtp(settings)


async def _smtp(settings: Settings) -> Trouble | str:
    server = f"{settings.email_host}:{settings.email_port}"
    try:
        async with smtp_client(settings, _SMTP_SECONDS) as client:
            await client.noop()
    except aiosmtplib.SMTPAuthenticationError:
        return Trouble(
            f"The mail server {server} refuses the sign-in.", "Correct EMAIL_HOST_USER and EMAIL_HOST_PASSWORD.",
            "mails-stuck",
        )  # fmt: skip
    except (OSError, aiosmtplib.SMTPException) as error:
        return Trouble(
            f"The mail server {server} cannot be used ({type(error).__name__}).",
            "Correct EMAIL_HOST, EMAIL_PORT and EMAIL_USE_TLS, or see that the server runs and is reached from here.",
            "mails-stuck",
        )
    return f"The mail server {server} takes us."
