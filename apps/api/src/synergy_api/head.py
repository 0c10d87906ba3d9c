"""HEAD wherever there is GET: the same answer without its content (RFC 9110, 9.3.2)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from litestar.types import Message, Receive, Scope, Send


def as_get(scope: Scope) -> Scope:
    """The request as one for the content; `state.is_head` tells who could spare themselves reading it."""
    state = {**scope["state"], "is_head": True}
    return cast("Scope", {**scope, "method": "GET", "state": state})


class HeadOnly:
    """Lets the head of the answer out and drops the rest; whoever produces it without end sees the client gone."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = False
        self._answered = asyncio.Event()

    async def receive(self) -> Any:  # noqa: ANN401 - whatever message the server sends
        """The next message, for the application."""
        if not self._received:
            message = await self._receive()
            self._received = message["type"] != "http.request" or not message.get("more_body")
            return message
        await self._answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """One message of the application."""
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self._answered.set()
