"""Commands for those who write receivers of webhooks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aiohttp import web


@click.group("webhooks")
def webhooks_group() -> None:
    """Try webhooks out."""


@webhooks_group.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="0 for any that is free.")
@click.option("--secret", envvar="WEBHOOK_SECRET", help="whsec_…, to verify signatures; also read from WEBHOOK_SECRET.")
@click.option("--status", default=200, show_default=True, type=click.IntRange(200, 599), help="What to answer.")
@click.option("--times", type=click.IntRange(min=0), help="Answer that so often, and 200 from then on.")
@click.option("--delay", default=0.0, type=click.FloatRange(min=0), help="Seconds to wait before each answer.")
def listen(host: str, port: int, secret: str | None, status: int, times: int | None, delay: float) -> None:
    """Receive webhooks on this machine, and print each one.

    The system sends to this machine only when SYNERGY_WEBHOOK_ALLOWED_NETWORKS has 127.0.0.0/8. A message whose
    signature does not fit the secret is answered with 401. With --status 500 --times 2 the third attempt succeeds.
    """
    from synergy_domain.webhooks import is_secret

    if secret is not None and not is_secret(secret):
        raise click.ClickException("--secret takes whsec_ and base64, as it was shown when the webhook was made.")
    receiver = _Receiver(secret, status, times, delay)
    try:
        asyncio.run(_serve(receiver, host, port))
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}, port {port}: {error.strerror or error}.") from None
    except KeyboardInterrupt:
        click.echo("", err=True)


class _Receiver:
    """Prints what comes, and answers."""

    def __init__(self, secret: str | None, status: int, times: int | None, delay: float) -> None:
        self._secret = secret
        self._status = status
        self._left = times
        self._delay = delay

    async def receive(self, request: web.Request) -> web.Response:
        """Take one message."""
        from aiohttp import web

        from synergy_domain.webhooks import signature_fault
        from synergy_platform.clock import SystemClock

        body, now = await request.read(), SystemClock().now()
        headers = {name.lower(): value for name, value in request.headers.items()}
        fault = None if self._secret is None else signature_fault(self._secret, headers, body, now)
        await asyncio.sleep(self._delay)
        status = 401 if fault else self._next_status()
        verified = f"NOT VERIFIED: {fault}" if fault else "not checked" if self._secret is None else "verified"
        click.echo(f"{now:%H:%M:%S} {request.method} {request.path_qs} {headers.get('webhook-id', '-')} {verified}")
        click.echo(f"         answered {status}")
        for line in _readable(body).splitlines():
            click.echo(f"         {line}")
        return web.Response(status=status, text=fault or "")

    def _next_status(self) -> int:
        if self._left is None:
            return self._status
        self._left -= 1
        return self._status if self._left >= 0 else 200


def _readable(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode(errors="backslashreplace")


async def _serve(receiver: _Receiver, host: str, port: int) -> None:
    from aiohttp import web

    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", receiver.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        listening: tuple[str, int] = runner.addresses[0][:2]
        click.echo(f"Listening on http://{listening[0]}:{listening[1]}/ (Ctrl-C ends it)", err=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
