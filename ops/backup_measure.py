"""Measure backup and restore of the embedded system on a database of a given size, and hold them to what is promised.

`hatch run backup-measure [--gb 1]`: a temporary home with `synergy up`, the demo data, rows and files up to the size
(half of them cannot be compressed). Takes a backup while rows are written, drills, kills everything in the midst of
writing, loses the home, recovers it, and prints seconds, sizes, RTO for each GB and RPO. Exit status 1 when a promise
(RTO 60 s a GB, RPO 60 s) is not kept or something did not come back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from synergy_platform.database import DATABASE_ERRORS
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import free_port

RTO_SECONDS_A_GB = 60.0
RPO_SECONDS = 60.0
_FILE_BYTES = 8 << 20
_MORE_ROWS = Path(__file__).with_name("measured_rows.sql")


class Measured:
    """The system, and what was measured of it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.backups, self.keys = folder / "home", folder / "backups", folder / "keys"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SYNERGY_", "DB_"))},
            "SYNERGY_HOME": str(self.home), "SYNERGY_BACKUP_DIR": str(self.backups), "SYNERGY_PORT": str(free_port()),
            "SYNERGY_BACKUP_TIME": "off", "SYNERGY_DRILL_TIME": "off",
        }  # fmt: skip
        # as `synergy up` has it: compiled modules are kept
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.environment["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")

    def synergy(self, *arguments: str) -> tuple[float, list[dict[str, Any]]]:
        """Run a command; its seconds and the objects that it logged."""
        began = time.monotonic()
        command = [sys.executable, "-m", "synergy_cli", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if done.returncode != 0:
            raise SystemExit(f"synergy {' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return time.monotonic() - began, [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]

    def start(self) -> subprocess.Popen[bytes]:
        """`synergy up`, once it says that it is."""
        command = [sys.executable, "-m", "synergy_cli", "up", "--no-web", "--demo"]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - our own program
        for line in process.stdout or ():
            entry = json.loads(line)
            if entry.get("message") == "child.ended" and entry.get("synergy.child") == "demo":
                break
        return process

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """To the running database."""
        known = json.loads((self.home / "running.json").read_text())["environment"]
        return await asyncpg.connect(
            host=known["DB_HOST"], port=int(known["DB_PORT"]), user=known["DB_USER"], password=known["DB_PASSWORD"],
            database=known["DB_NAME"],
        )  # fmt: skip

    async def fill(self, size: float) -> int:
        """Rows until the database has so many bytes; how many it has."""
        connection = await self.connect()
        await connection.execute("CREATE TABLE diary (at timestamptz DEFAULT clock_timestamp(), number int)")
        more_rows, bytes_now = _MORE_ROWS.read_text(), 0
        while bytes_now < size:
            await connection.execute(more_rows)
            bytes_now = await connection.fetchval("SELECT pg_database_size(current_database())")
        await connection.execute("CREATE INDEX ON measured (left(noise, 20))")
        bytes_now = await connection.fetchval("SELECT pg_database_size(current_database())")
        await connection.close()
        return bytes_now

    def upload(self, size: float) -> None:
        """Files that no row names: what is measured is bytes."""
        folder = self.home / "media" / "attachments" / "measured"
        folder.mkdir(parents=True)
        for number in range(int(size // _FILE_BYTES)):
            (folder / str(number)).write_bytes(os.urandom(_FILE_BYTES))

    async def write_and_kill(self, process: subprocess.Popen[bytes], seconds: float) -> datetime:
        """Commit rows and kill everything in between; when the last commit was acknowledged."""
        connection = await self.connect()
        last, end = datetime.now(UTC), time.monotonic() + seconds
        try:
            for number in range(10_000_000):
                await connection.execute("INSERT INTO diary (number) VALUES ($1)", number)
                last = datetime.now(UTC)
                if time.monotonic() > end:
                    end = float("inf")
                    os.kill(int((self.home / "postgres" / "process").read_text().split()[0]), signal.SIGKILL)
                    process.kill()
        except DATABASE_ERRORS:
            process.wait()
        return last


async def _last_line(server: EmbeddedPostgres) -> datetime:
    connection = await asyncpg.connect(server.url())
    try:
        return await connection.fetchval("SELECT max(at) FROM diary")
    finally:
        await connection.close()


async def _busy(system: Measured, stop: asyncio.Event) -> int:
    connection = await system.connect()
    count = 0
    while not stop.is_set():
        await connection.execute("INSERT INTO diary (number) VALUES ($1)", count)
        count += 1
        await asyncio.sleep(0.01)  # a busy team, not a load test
    await connection.close()
    return count


async def _backup_while_written(system: Measured) -> tuple[float, dict[str, Any], int]:
    stop = asyncio.Event()
    writer = asyncio.create_task(_busy(system, stop))
    seconds, lines = await asyncio.to_thread(system.synergy, "backup")
    stop.set()
    return seconds, _told(lines, "backup.finished"), await writer


def _told(lines: list[dict[str, Any]], message: str) -> dict[str, Any]:
    return next(line for line in lines if line["message"] == message)


def main() -> int:
    """Measure and print; 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--gb", type=float, default=1.0, help="size of the database; a quarter of it in files")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="synergy-backup-", dir=options.folder) as folder:
        system = Measured(Path(folder))
        process = system.start()
        try:
            size = asyncio.run(system.fill(options.gb * 2**30))
            system.upload(options.gb * 2**30 / 4)
            print(f"database             {size / 2**30:8.2f} GB, files {options.gb / 4:.2f} GB")
            seconds, taken, written = asyncio.run(_backup_while_written(system))
            held = taken["synergy.held_ms"]
            print(f"backup               {seconds:8.1f} s, {taken['synergy.bytes'] / 2**30:.2f} GB kept, while")
            print(f"                     {written} rows were written; writers waited for {held:.0f} ms")
            seconds, again, _ = asyncio.run(_backup_while_written(system))
            print(f"a second one         {seconds:8.1f} s, {again['synergy.rows']} rows")
            seconds, lines = system.synergy("drill")
            drill = _told(lines, "drill.finished")
            print(f"drill                {seconds:8.1f} s: {drill['synergy.seconds']}")
            print(f"                     {drill['synergy.rows']} rows, {drill['synergy.files']} files, all equal")
            system.synergy("escrow", str(system.keys))
            last = asyncio.run(system.write_and_kill(process, 5))
        finally:
            process.kill()
            process.wait()
        shutil.rmtree(system.home)
        seconds, lines = system.synergy("recover", "--escrow", str(system.keys), "--from", str(system.backups))
        restored = _told(lines, "restore.finished")
        print(f"recovery             {seconds:8.1f} s: {restored['synergy.seconds']}")
        with EmbeddedPostgres(system.home / "postgres") as server:
            rpo = (last - asyncio.run(_last_line(server))).total_seconds()
        gb = restored["synergy.bytes"] / 2**30
        rto = seconds / max(1.0, gb)
        print(f"RTO                  {rto:8.1f} s for each GB (limit {RTO_SECONDS_A_GB:.0f}), of {gb:.2f} GB")
        print(f"RPO                  {rpo:8.3f} s (limit {RPO_SECONDS:.0f})")
    return int(rto > RTO_SECONDS_A_GB or rpo > RPO_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
