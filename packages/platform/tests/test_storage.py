"""Storages of files: the same on a disk and with an S3 server."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote

import httpx
import msgspec
import pytest

from synergy_platform.embedded.process import free_port
from synergy_platform.errors import TooLarge, Unavailable
from synergy_platform.settings import Settings
from synergy_platform.storage import DiskStorage, disk, make_storage

MIB = 1024 * 1024


async def chunks(*parts: bytes):
    for part in parts:
        yield part


async def content_of(storage, key: str, start: int, length: int) -> bytes:
    return b"".join([chunk async for chunk in await storage.read(key, start, length)])


def files_below(path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


@pytest.fixture
def disk_settings(tmp_path):
    return Settings(media_root=str(tmp_path / "media"))


@pytest.fixture
def unused_port():
    return free_port()


@pytest.fixture(params=["disk", "s3"])
def any_settings(request):
    return request.getfixturevalue(f"{request.param}_settings")


@pytest.fixture
def storage(any_settings):
    return make_storage(any_settings)


@pytest.mark.parametrize("size", [0, 5, 300_000, 11 * MIB])  # the last in several parts
async def test_write_keeps_what_read_gives(storage, size):
    content = os.urandom(size)
    stored = await storage.write("area", chunks(content[:7], content[7:]), max_bytes=size)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert stored.key.startswith("area/")
    assert await content_of(storage, stored.key, 0, size) == content
    async with storage.local_copy(stored.key) as path:
        assert path.read_bytes() == content
    if size > 5:
        assert await content_of(storage, stored.key, 3, size - 5) == content[3:-2]


async def test_write_of_too_much_keeps_nothing(storage, any_settings):
    with pytest.raises(TooLarge, match="2 MiB"):
        await storage.write("area", chunks(bytes(2 * MIB), b"a"), max_bytes=2 * MIB)
    assert files_below(any_settings.media_path) == []
    assert await storage.sweep("area", nobody, older_than=far_future()) == 0


async def test_write_that_breaks_off_keeps_nothing(storage, any_settings):
    async def broken():
        yield bytes(MIB)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await storage.write("area", broken(), max_bytes=2 * MIB)
    assert files_below(any_settings.media_path) == []
    assert await storage.sweep("area", nobody, older_than=far_future()) == 0


async def test_delete_forgets_the_file_and_takes_one_that_is_gone(storage):
    stored = await storage.write("area", chunks(b"abc"), max_bytes=3)
    await storage.delete(stored.key)
    await storage.delete(stored.key)
    with pytest.raises(FileNotFoundError):
        await storage.read(stored.key, 0, 3)
    with pytest.raises(FileNotFoundError):
        async with storage.local_copy(stored.key):
            pass


async def nobody(_keys: list[str]) -> set[str]:
    return set()


def far_future() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def test_sweep_deletes_old_files_that_nobody_names(storage):
    kept, orphan, elsewhere = [
        await storage.write(area, chunks(b"abc"), max_bytes=3) for area in ("area", "area", "other")
    ]

    async def named(keys: list[str]) -> set[str]:
        assert set(keys) == {kept.key, orphan.key}
        return {kept.key}

    assert await storage.sweep("area", named, older_than=datetime.now(UTC) - timedelta(days=1)) == 0
    assert await storage.sweep("area", named, older_than=far_future()) == 1
    for stored in (kept, elsewhere):
        assert await content_of(storage, stored.key, 0, 3) == b"abc"
    with pytest.raises(FileNotFoundError):
        await storage.read(orphan.key, 0, 3)


async def test_sweep_of_many_files_asks_for_some_at_a_time(storage, monkeypatch):
    monkeypatch.setattr(disk, "SWEEP_BATCH", 10)
    for _ in range(25):
        await storage.write("area", chunks(b""), max_bytes=0)
    asked: list[str] = []

    async def named(keys: list[str]) -> set[str]:
        asked.extend(keys)
        return set(keys[:1])

    deleted = await storage.sweep("area", named, older_than=far_future())
    assert len(asked) == len(set(asked)) == 25
    assert 20 < deleted < 25


async def test_sweep_of_an_area_without_files_finds_nothing(storage):
    assert await storage.sweep("area", nobody, older_than=far_future()) == 0


async def test_disk_sweep_deletes_what_a_killed_write_left(disk_settings):
    storage = DiskStorage(disk_settings.media_path)
    left = disk_settings.media_path / "area" / "00" / "x.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert await storage.sweep("area", nobody, older_than=far_future()) == 1
    assert not left.exists()


async def test_disk_accel_location_is_below_media(disk_settings):
    storage = make_storage(disk_settings)
    stored = await storage.write("area", chunks(b"abc"), max_bytes=3)
    assert await storage.accel_location(stored.key) == f"/media/{stored.key}"
    with pytest.raises(ValueError, match="not a key"):
        await storage.accel_location("../secret")


async def test_disk_write_without_room_says_so_and_keeps_nothing(disk_settings, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "_append", full)
    with pytest.raises(Unavailable, match="no room"):
        await make_storage(disk_settings).write("area", chunks(b"abc"), max_bytes=3)
    assert files_below(disk_settings.media_path) == []


async def test_s3_accel_location_is_an_address_that_is_signed_for_a_while(s3_settings, s3_server):
    storage = make_storage(s3_settings)
    stored = await storage.write("area", chunks(b"abc"), max_bytes=3)
    location = await storage.accel_location(stored.key)
    path, query = location.split("?")
    assert path == f"/s3/{s3_settings.s3_bucket}/{stored.key}"
    assert parse_qs(query)["X-Amz-Expires"] == ["300"]
    assert parse_qs(query)["X-Amz-SignedHeaders"] == ["host"]
    assert s3_settings.s3_secret_access_key not in location
    # as a proxy does: it decodes the path once, and sends path and query on
    address = f"{s3_server}{unquote(path.removeprefix('/s3'))}?{query}"
    async with httpx.AsyncClient() as proxy:
        part = await proxy.get(address, headers={"Range": "bytes=1-"})
    assert (part.status_code, part.content) == (206, b"bc")


async def test_s3_accel_location_survives_one_decoding(s3_settings, s3_server):
    spaced = msgspec.structs.replace(s3_settings, s3_endpoint=f"{s3_server}/a%20b")
    location = await make_storage(spaced).accel_location("area/x y")
    assert unquote(location.split("?")[0]) == f"/s3/a%20b/{s3_settings.s3_bucket}/area/x%20y"


async def test_s3_that_cannot_be_reached_is_unavailable_and_keeps_nothing(s3_settings, unused_port):
    gone = msgspec.structs.replace(s3_settings, s3_endpoint=f"http://127.0.0.1:{unused_port}")
    storage = make_storage(gone)
    for attempt in (
        storage.write("area", chunks(b"abc"), max_bytes=3), storage.read("area/x", 0, 1), storage.delete("area/x"),
        storage.sweep("area", nobody, older_than=far_future()),
    ):  # fmt: skip
        with pytest.raises(Unavailable, match="cannot be reached"):
            await attempt
    assert files_below(s3_settings.media_path) == []


async def test_s3_writes_side_by_side_keep_each_file(s3_settings):
    storage = make_storage(s3_settings)
    contents = [os.urandom(6 * MIB) for _ in range(5)]
    stored = await asyncio.gather(*(storage.write("area", chunks(content), max_bytes=6 * MIB) for content in contents))
    for file, content in zip(stored, contents, strict=True):
        assert await content_of(storage, file.key, 0, file.size) == content
    assert files_below(s3_settings.media_path) == []
