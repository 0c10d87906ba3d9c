"""A small embedded system to back up: a real server with its log received, a migrated database, accounts and files."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import msgspec

from synergy_cli.backup.embedded import EmbeddedEngine
from synergy_cli.backup.shape import embedded_engine
from synergy_cli.backup.wal import SERVER_SETTINGS, LogArchive
from synergy_domain import migrations, webhooks, work
from synergy_domain.webhooks import WebhookInput
from synergy_domain.work import AttachmentUpload
from synergy_platform.embedded.home import Home
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings, load_settings
from synergy_testing.factories import Factory
from synergy_testing.fixtures import cheap_runtime

SECRET = "a secret of the tests that is long enough to sign"


class BackedUp:
    """The running system; `settings` and `environ` are as its commands see them."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.prepare()
        self.postgres = EmbeddedPostgres(self.home.path / "postgres", settings=SERVER_SETTINGS)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SYNERGY_", "DB_", "COV"))},
            "SYNERGY_HOME": str(self.home.path), "SYNERGY_BACKUP_DIR": str(folder / "backups"), "SECRET_KEY": SECRET,
        }  # fmt: skip
        self.receiver: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.postgres.start()
        running = {
            "DB_HOST": self.postgres.host, "DB_PORT": str(self.postgres.port), "DB_USER": self.postgres.user,
            "DB_PASSWORD": self.postgres.password, "DB_NAME": self.postgres.database,
        }  # fmt: skip
        self.home.publish(running)
        self.settings: Settings = load_settings(self.environ | running)
        archive = LogArchive(self.settings.backup_path)
        archive.folder.mkdir(parents=True, exist_ok=True)
        self.receiver = archive.launch(self.postgres, subprocess.DEVNULL, None)

    def stop(self) -> None:
        self.postgres.stop()
        if self.receiver:
            self.receiver.wait(10)  # it ends with the server
        self.home.withdraw()

    def engine(self) -> EmbeddedEngine:
        return embedded_engine(self.settings, self.home)

    def sql(self, statement: str) -> str:
        return self.postgres.run_sql(statement, self.postgres.database)

    async def fill(self) -> None:
        """An admin, a project with tasks and files, and a webhook's secret."""
        await migrations.migrate(self.settings)
        async with self._runtime() as runtime:
            make = Factory(runtime)
            admin = await make.user(role="admin", verified=True)
            project = await make.project(admin)
            async with runtime.database.unit_of_work() as uow:
                data = WebhookInput(name="Hook", url="https://hooks.example.org/in")
                await webhooks.create_webhook(runtime, uow, admin, project.id, data)
        for number in range(5):
            await self.upload(f"file {number} ".encode() * (1 + number * 20_000))
        self.sql("CREATE TABLE diary (at timestamptz DEFAULT clock_timestamp(), line text)")
        self.sql(f"ALTER TABLE diary OWNER TO {self.postgres.user}")

    async def upload(self, content: bytes) -> str:
        """A file on a task of a new project; its key."""
        async with self._runtime() as runtime:
            make = Factory(runtime)
            admin = await make.user(role="admin")
            task = await make.task(await make.project(admin), admin)
            stored = await runtime.storage.write(work.FILES_AREA, _once(content), max_bytes=len(content))
            async with runtime.database.unit_of_work() as uow:
                upload = AttachmentUpload(name="file.txt", media_type="text/plain", file=stored)
                await work.add_attachment(uow, admin, str(task.id), upload)
        return stored.key

    @asynccontextmanager
    async def _runtime(self) -> AsyncGenerator[Runtime]:
        runtime = cheap_runtime(self.settings)
        await runtime.open()
        try:
            yield runtime
        finally:
            await runtime.close()

    def note(self, line: str) -> str:
        """Commit a line; the database's time of it."""
        return self.sql(f"INSERT INTO diary (line) VALUES ('{line}') RETURNING at")  # noqa: S608 - words of the test

    @contextmanager
    def written_to(self) -> Iterator[None]:
        """Somebody writes all the time."""
        stop = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._write(stop)))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    async def _write(self, stop: threading.Event) -> None:
        connection = await asyncpg.connect(self.postgres.url())
        try:
            number = 0
            while not stop.is_set():
                number += 1
                await connection.execute("INSERT INTO diary (line) VALUES ($1)", f"busy {number}")
                await connection.execute("UPDATE diary SET line = line || '.' WHERE line = $1", f"busy {number - 5}")
                await connection.execute("DELETE FROM diary WHERE line = $1", f"busy {number - 20}.")
        finally:
            await connection.close()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def copied(engine: EmbeddedEngine, into: Path) -> EmbeddedEngine:
    """An engine on a copy of the backups: hard links, so that it costs nothing."""
    shutil.copytree(engine.root, into / "backups", copy_function=os.link, ignore=shutil.ignore_patterns("lock"))
    again = EmbeddedEngine(into / "home", into / "backups", engine.media, engine.key, "")
    (into / "home").mkdir()
    return again


def with_key(settings: Settings, key: str) -> Settings:
    """The settings with another SECRET_KEY."""
    return msgspec.structs.replace(settings, secret_keys=(key,))
