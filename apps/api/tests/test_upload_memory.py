"""What uploads cost the API in memory, measured on the real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from synergy_platform.embedded.process import free_port
from synergy_platform.settings import Settings

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
FILE_MIB = 50


def environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": settings.secret_keys[0],
        "SYNERGY_API_PORT": str(port),
        "SYNERGY_MEDIA_ROOT": str(settings.media_path),
        "SYNERGY_STORAGE": settings.storage,
        "SYNERGY_S3_ENDPOINT": settings.s3_endpoint,
        "SYNERGY_S3_BUCKET": settings.s3_bucket,
        "SYNERGY_S3_ACCESS_KEY_ID": settings.s3_access_key_id,
        "SYNERGY_S3_SECRET_ACCESS_KEY": settings.s3_secret_access_key,
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password,
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "REDIS_URL": settings.redis_url,
        "TASKIQ_BROKER_URL": settings.broker_url,
    }


def pss_of(pid: int) -> int:
    """Bytes of a process and its children; pages that several share are divided among them."""
    total = 0
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += pss_of(int(child))
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return total + int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1]) * 1024


@pytest.fixture(params=["disk", "s3"])
def storage_settings(request, settings, s3_settings):
    return settings if request.param == "disk" else s3_settings


@pytest.fixture
def server(storage_settings) -> Iterator[tuple[int, str]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "synergy_api"], env=environment(storage_settings, port), stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/health/ready").status_code == 200:
                    break
            assert process.poll() is None
            assert time.monotonic() < deadline, "the API did not start"
            time.sleep(0.1)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait(30)


async def upload(client: httpx.AsyncClient, task_id: object, mebibytes: int) -> None:
    async def form() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
        for _ in range(mebibytes):
            yield os.urandom(MIB)
        yield b"\r\n--x--\r\n"

    answer = await client.post(
        f"/v1/tasks/{task_id}/attachments",
        content=form(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["size"] == mebibytes * MIB


async def growth(pid: int, uploads: list) -> int:
    """By how many bytes the API grows at most meanwhile."""
    before = pss_of(pid)
    work = asyncio.gather(*uploads)
    peak = before
    while not work.done():
        peak = max(peak, await asyncio.to_thread(pss_of, pid))
        await asyncio.sleep(0.02)
    await work
    return peak - before


async def test_uploads_of_50_mib_hardly_grow_the_api(make, server):
    pid, url = server
    project = await make.project()
    task = await make.task(project)
    headers = {"Authorization": f"Bearer {await make.access_token(make.owner(project))}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        await upload(client, task.id, 1)  # the first one opens connections and starts threads
        one = await growth(pid, [upload(client, task.id, FILE_MIB)])
        ten = await growth(pid, [upload(client, task.id, FILE_MIB) for _ in range(10)])
    print(f"one upload of 50 MiB: +{one / MIB:.1f} MiB; ten in parallel: +{ten / MIB:.1f} MiB")  # noqa: T201 - the figure
    assert one <= 8 * MIB
    assert ten <= 30 * MIB
