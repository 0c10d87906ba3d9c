"""Asks a restored system what its users would: the API is started on it, reachable by nobody else, and answers."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import msgspec

from synergy_cli.up.environment import without
from synergy_domain.common.actor import Actor
from synergy_domain.identity import Client, sign_out
from synergy_domain.identity.mfa.totp import secret_box as totp_box
from synergy_domain.identity.sessions import begin_session
from synergy_domain.webhooks.delivering import secret_box as webhook_box
from synergy_platform.embedded.process import LOOPBACK, end, free_port, spawn
from synergy_platform.runtime import Runtime
from synergy_platform.secretbox import SecretUnreadable
from synergy_platform.settings import Settings
from synergy_platform.tokens import JwtSigner

_START_SECONDS = 60.0
_CLIENT = Client(None, "synergy restore")
_ATTACHMENT = """
    SELECT a.id, a.sha256 FROM attachments a JOIN tasks t ON t.id = a.task_id JOIN projects p ON p.id = t.project_id
    WHERE a.deleted_at IS NULL AND t.deleted_at IS NULL AND p.deleted_at IS NULL
      AND a.file_key = ANY($1)
    ORDER BY a.size, a.id LIMIT 1
"""


def smoke(
    settings: Settings, environ: Mapping[str, str], dsn: str, media: Path | None, files: Collection[str]
) -> list[str]:
    """A sentence for each thing that does not answer as it should.

    `settings` and `environ` are the live system's, `dsn` the restored database, `media` the folder of its files (None:
    on S3), `files` the keys of those that are there: one of them is downloaded.
    """
    return asyncio.run(_smoke(on_database(settings, dsn, media), environ, files))


def on_database(settings: Settings, dsn: str, media: Path | None = None) -> Settings:
    """The settings, on that database and those files, and on no Redis."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return msgspec.structs.replace(
        settings,
        db_host=query.get("host", [parts.hostname or LOOPBACK])[0],
        db_port=int(query.get("port", [parts.port or 5432])[0]),
        db_direct_host="",
        db_user=unquote(parts.username or ""),
        db_password=unquote(parts.password or ""),
        db_name=unquote(parts.path.removeprefix("/")),
        # nobody listens there: a restored system touches no queue and no cache
        redis_url=f"redis://{LOOPBACK}:1/0",
        broker_url=f"redis://{LOOPBACK}:2/0",
        media_root=str(media) if media else settings.media_root,
        api_host=LOOPBACK,
        api_port=free_port(),
    )


def _environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    changed = {
        "DB_HOST": settings.db_host, "DB_PORT": str(settings.db_port), "DB_DIRECT_HOST": "",
        "DB_USER": settings.db_user, "DB_PASSWORD": settings.db_password, "DB_NAME": settings.db_name,
        "REDIS_URL": settings.redis_url,
        "TASKIQ_BROKER_URL": settings.broker_url, "CELERY_BROKER_URL": "", "SECRET_KEY": ",".join(settings.secret_keys),
        "SYNERGY_MEDIA_ROOT": settings.media_root, "SYNERGY_MEDIA_ACCEL": "false",
        "SYNERGY_API_HOST": settings.api_host,
        "SYNERGY_API_PORT": str(settings.api_port), "WEB_WORKERS": "1", "SYNERGY_METRICS_PORT": "0",
        "SYNERGY_HEARTBEAT_FILE": "", "SENTRY_DSN": "", "SYNERGY_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    return without(environ, tuple(changed)) | {name: value for name, value in changed.items() if value}


async def _smoke(settings: Settings, environ: Mapping[str, str], files: Collection[str]) -> list[str]:
    runtime = Runtime(settings, application="synergy-restore")
    await runtime.open()
    try:
        said = await _sealed(runtime)
        with _api(settings, environ) as (ask, process):
            if trouble := await asyncio.to_thread(ask.when_ready, process):
                return [*said, f"the API on the restored database does not get ready: {trouble}"]
            return said + await _questions(runtime, ask, files)
    finally:
        await runtime.close()


async def _questions(runtime: Runtime, ask: Ask, files: Collection[str]) -> list[str]:
    status, _ = await asyncio.to_thread(ask, "/api/v1/me")
    said = [] if status == 401 else [f"the API answers nobody with {status} instead of 401"]
    db = runtime.database.reader()
    admin = await db.row("SELECT id, username FROM users WHERE role = 'admin' AND is_active ORDER BY id LIMIT 1")
    if admin is None:  # a system that nobody has set up yet
        return said
    async with runtime.database.unit_of_work() as uow:
        issued = await begin_session(runtime, uow, admin["id"], _CLIENT, methods=("password", "totp"))
    token = issued.access_token

    async def get(path: str) -> Any:  # noqa: ANN401 - whatever the API answers
        status, body = await asyncio.to_thread(ask, path, token)
        if status != 200:
            said.append(f"GET {path} is answered with {status}")
            return None
        return msgspec.json.decode(body)

    me = await get("/api/v1/me")
    if me is not None and me["id"] != str(admin["id"]):
        said.append("the API takes an admin for somebody else")
    project = await db.value("SELECT id FROM projects WHERE deleted_at IS NULL ORDER BY id LIMIT 1")
    await get("/api/v1/projects")
    if project is not None:
        await get(f"/api/v1/projects/{project}/board")
    attachment = await db.row(_ATTACHMENT, list(files))
    if attachment is not None:
        path = f"/api/v1/attachments/{attachment['id']}/content"
        status, body = await asyncio.to_thread(ask, path, token)
        if status != 200 or hashlib.sha256(body).hexdigest() != attachment["sha256"]:
            said.append(f"GET {path} is answered with {status}, and not with the file as it was")
    session = JwtSigner(runtime.keyring, "access").verify(token, now=runtime.clock.now())["sid"]
    actor = Actor(user_id=admin["id"], username=admin["username"], role="admin", session_id=UUID(session))
    async with runtime.database.unit_of_work() as uow:
        await sign_out(uow, actor, _CLIENT)
    return said


async def _sealed(runtime: Runtime) -> list[str]:
    """Whether SECRET_KEY opens what the database holds encrypted."""
    db = runtime.database.reader()
    looked_at = (
        (
            totp_box(runtime.keyring),
            "SELECT totp_secret FROM users WHERE totp_secret IS NOT NULL LIMIT 1",
            "second factor",
        ),
        (webhook_box(runtime), "SELECT secret FROM webhooks LIMIT 1", "webhook's secret"),
    )
    said: list[str] = []
    for box, query, what in looked_at:
        stored: bytes | None = await db.value(query)
        try:
            if stored is not None:
                box.decrypt(stored)
        except SecretUnreadable:
            said.append(f"a {what} cannot be read with this SECRET_KEY")
    return said


class Ask:
    """GET on the API: path and access token (may be empty); status and body. Raises OSError when nobody answers."""

    def __init__(self, settings: Settings) -> None:
        self._address = (settings.api_host, settings.api_port)
        self._name = urlsplit(settings.public_url).netloc

    def __call__(self, path: str, token: str = "") -> tuple[int, bytes]:
        """Ask once."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        headers = {"Host": self._name} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        finally:
            connection.close()

    def when_ready(self, process: subprocess.Popen[bytes]) -> str:
        """Wait until it is; what it said last when it does not come to that, else empty."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                status, body = self("/api/health/ready")
            except OSError as error:
                status, body = 0, str(error).encode()
            if status == 200:
                return ""
            if process.poll() is not None or time.monotonic() > deadline:
                return body.decode(errors="replace")[-500:]
            time.sleep(0.05)


@contextmanager
def _api(settings: Settings, environ: Mapping[str, str]) -> Generator[tuple[Ask, subprocess.Popen[bytes]]]:
    """The API as a child."""
    with tempfile.TemporaryFile() as said:
        process = spawn(
            [sys.executable, "-m", "synergy_api"], environment=_environment(settings, environ), stdout=said, stderr=said
        )
        try:
            yield Ask(settings), process
        finally:
            end(process, ((signal.SIGTERM, 10),))
