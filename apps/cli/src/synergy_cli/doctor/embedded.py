"""Looks at the system that the environment names: a running `synergy up`, or any other by its settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import smtplib
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from synergy_cli.doctor.facts import Facts, PrivateFile, Process, SettingsFacts, Trouble
from synergy_cli.doctor.http import Site
from synergy_cli.doctor.process_facts import process
from synergy_cli.doctor.services import ask_database, ask_redis
from synergy_platform.embedded.home import Home
from synergy_platform.settings import InvalidSettings, Settings, documented_settings, load_settings, same_redis
from synergy_platform.version import VERSION

_SMTP_SECONDS = 10.0
# of a tree of processes, as compose.yaml limits the containers
_LIMITS_MB = {"api": 2048, "worker": 2048, "scheduler": 512, "web": 512}
_SETTLE_SECONDS = 1.0


def see(environ: Mapping[str, str], running: Mapping[str, str] | None, *, production: bool) -> Facts:
    """Everything there is to see; `running` is what a running `synergy up` says of its services."""
    embedded = not environ.get("DB_HOST")
    known = {**(running or {}), **environ} if embedded else dict(environ)
    if embedded and running is None and not (known.get("SECRET_KEY") or known.get("SECRET_KEY_FILE")):
        known["SECRET_KEY"] = secrets.token_urlsafe(32)  # as `synergy up` makes one
    facts = Facts(production=production, start="`synergy up`" if embedded else "start its service", version=VERSION)
    settings = _settings(facts, known, production=production)
    home = Home(Path(known.get("SYNERGY_HOME") or ".synergy").absolute())
    facts.private_files = _private_files(known, home)
    if embedded and running is None:
        facts.running = Trouble(
            f"No SynergyOS runs on {home.path}.",
            "Start it with `synergy up`, or set DB_HOST and its companions to look at another one.",
            "process-does-not-start",
        )
        facts.unseen = "nothing runs" if settings else "the settings cannot be used"
    if settings is None or facts.running is not None:
        return facts
    disks = {"media": settings.media_path, "home": home.path}
    facts.disks = {what: path for what, path in disks.items() if path.exists()}
    api_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104 - its own
    name = urlsplit(settings.public_url).netloc
    facts.api = Site(f"http://{_bracketed(api_host)}:{settings.api_port}", name)
    facts.web = _web(settings, name, embedded=embedded, known=known)
    if embedded:
        facts.processes = _processes(home, settings, has_web=facts.web is not None)
    facts.broker, facts.broker_trouble = ask_redis("broker", settings.broker_url)
    facts.cache, facts.cache_trouble = ask_redis("cache", settings.redis_url)
    folder = home.path / "postgres" if embedded else None
    facts.database, facts.database_trouble = asyncio.run(ask_database(settings, folder))
    facts.storage = asyncio.run(_storage(settings))
    facts.mail = _mail(settings)
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
    pool = settings.db_pool_size
    facts.known_settings = SettingsFacts(
        secret_keys=settings.secret_keys,
        allowed_hosts=settings.allowed_hosts,
        public_url=settings.public_url,
        cookies_secure=settings.cookies_secure,
        mail_backend=settings.mail_backend,
        mail_from=settings.email_from,
        same_redis=same_redis(settings.redis_url, settings.broker_url),
        # beside the pools: the listener of each API process; relay and lease of a worker; the scheduler's own
        connections=settings.web_workers * (pool + 1) + (pool + 2) + (pool + 1),
    )
    return settings


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _web(settings: Settings, name: str, *, embedded: bool, known: Mapping[str, str]) -> Site | None:
    if not embedded:
        public = urlsplit(settings.public_url)
        if public.hostname in {"localhost", settings.api_host} and public.port == settings.api_port:
            return None  # the API alone answers there
        return Site(settings.public_url) if known.get("SYNERGY_PUBLIC_URL") else None
    if (settings.host, settings.port) == (settings.api_host, settings.api_port):
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - its own
    return Site(f"http://{_bracketed(host)}:{settings.port}", name)


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
        limit = settings.api_max_mb if each else _LIMITS_MB[name]
        found.append(process(name, pid, limit, each=each))
    return found


def _private_files(known: Mapping[str, str], home: Home) -> list[PrivateFile]:
    places = [PrivateFile(home.path, 0o750), PrivateFile(Path(".env").absolute(), 0o640)]
    places += [
        PrivateFile(home.path / name, 0o600)
        for name in (
            "secret-key", "running.json", "postgres/password", "postgres/superuser-password", "broker/password",
            "broker/redis.conf", "cache/password", "cache/redis.conf",
        )
    ]  # fmt: skip
    secret = [name for setting in documented_settings() if setting.secret for name in (setting.name, *setting.aliases)]
    return places + [PrivateFile(Path(known[f"{n}_FILE"]), 0o640) for n in secret if known.get(f"{n}_FILE")]


async def _storage(settings: Settings) -> Trouble | str:
    """Write a small file, read it, delete it."""
    from synergy_platform.storage import make_storage

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


def _mail(settings: Settings) -> Trouble | str:
    match settings.mail_backend:
        case "console":
            return "Mails are only told to the log."
        case "folder":
            folder = settings.home_path / "mail"
            if os.access(folder if folder.exists() else settings.home_path, os.W_OK):
                return f"Mails are written to {folder}."
            return Trouble(f"Mails cannot be written to {folder}.", "Give the folder to the user of SynergyOS.")
        case "smtp":
            return _smtp(settings)


def _smtp(settings: Settings) -> Trouble | str:
    server = f"{settings.email_host}:{settings.email_port}"
    try:
        with smtplib.SMTP(settings.email_host, settings.email_port, timeout=_SMTP_SECONDS) as client:
            client.ehlo_or_helo_if_needed()
            if settings.email_use_tls:
                import ssl

                client.starttls(context=ssl.create_default_context())
            if settings.email_user:
                client.login(settings.email_user, settings.email_password)
            client.noop()
    except smtplib.SMTPAuthenticationError:
        return Trouble(
            f"The mail server {server} refuses the sign-in.", "Correct EMAIL_HOST_USER and EMAIL_HOST_PASSWORD."
        )
    except (OSError, smtplib.SMTPException) as error:
        return Trouble(
            f"The mail server {server} cannot be used ({type(error).__name__}).",
            "Correct EMAIL_HOST, EMAIL_PORT and EMAIL_USE_TLS, or see that the server runs and is reached from here.",
        )
    return f"The mail server {server} takes us."
