"""The certificate at the public address, seen by a handshake with a real TLS server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trustme
from prometheus_client import REGISTRY

from synergy_platform.certificate import keep_looking_at_certificate, look_at_certificate
from synergy_platform.embedded.process import free_port


def remaining() -> float:
    value = REGISTRY.get_sample_value("synergy_certificate_remaining_seconds")
    assert value is not None
    return value


@contextlib.asynccontextmanager
async def shown(days: float):
    """A server on loopback with a certificate that is good for so long."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    end = datetime.now(UTC) + timedelta(days=days)
    trustme.CA().issue_cert("localhost", not_after=end).configure_cert(context)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("days", [30, 3, -1])
async def test_certificate_is_told_with_the_time_that_it_is_good_for_whoever_signed_it(days):
    async with shown(days) as port:
        await look_at_certificate(f"https://localhost:{port}")
    assert remaining() == pytest.approx(days * 86400, abs=10)


async def test_certificate_that_cannot_be_seen_is_unknown_and_not_what_it_was():
    async with shown(30) as port:
        await look_at_certificate(f"https://localhost:{port}")
    await look_at_certificate(f"https://localhost:{free_port()}")
    assert math.isnan(remaining())
    await look_at_certificate("https://nowhere.invalid")
    assert math.isnan(remaining())


async def test_address_without_tls_and_a_process_without_metrics_have_nothing_to_look_at(own_runtime):
    for settings in ({"metrics_port": 1}, {"public_url": "https://localhost:1"}):
        own_runtime.settings = msgspec.structs.replace(own_runtime.settings, **settings)
        await asyncio.wait_for(keep_looking_at_certificate(own_runtime), 5)
        own_runtime.settings = msgspec.structs.replace(own_runtime.settings, metrics_port=0)


async def test_worker_goes_on_looking(own_runtime):
    async with shown(30) as port:
        own_runtime.settings = msgspec.structs.replace(
            own_runtime.settings, metrics_port=1, public_url=f"https://localhost:{port}"
        )
        looking = asyncio.create_task(keep_looking_at_certificate(own_runtime, interval=0.05))
        await until(lambda: remaining() > 0)
    await until(lambda: math.isnan(remaining()))
    looking.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a gauge tells nobody that it was set
            await asyncio.sleep(0.05)
