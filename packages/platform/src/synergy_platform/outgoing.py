"""HTTP requests to addresses that users name, such as webhooks.

The guard stands where a socket is made, behind the DNS: whatever a name or an odd spelling of an address resolves to is
judged right before connecting to just that. No redirects, no proxies, no cookies, no cache of the DNS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from aiohttp.abc import AbstractResolver
from prometheus_client import Counter, Histogram
from yarl import URL

from synergy_platform.addresses import Address, BadUrl, check_url, is_in, may_reach, parse_networks
from synergy_platform.settings import Settings
from synergy_platform.version import VERSION

TIMEOUT_SECONDS = 15.0
MAX_TEXT_BYTES = 2048
PLACES_AT_HOST = 16
# A body is a note for the log; the status came before it, and is what counts.
_BODY_SECONDS = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_REQUESTS = Counter(
    "synergy_outgoing_requests",
    "Requests to addresses that users name, webhooks, by status (2xx) or fault",
    ["outcome"],
)
_SECONDS = Histogram("synergy_outgoing_seconds", "How long outgoing requests took", buckets=(0.05, 0.1, 0.5, 1, 5, 15))


class OutgoingFault(Exception):
    """No answer came; the message is a sentence for whoever wrote the address down."""


class RefusedAddress(OutgoingFault):
    """The name or address leads into a network that nothing may be sent to."""


class NameNotFound(OutgoingFault):
    """The DNS knows no address of the host."""


class NotConnected(OutgoingFault):
    """Nobody took the connection."""


class TlsFailed(OutgoingFault):
    """The certificate is not good for the host, or TLS failed otherwise."""


class TimedOut(OutgoingFault):
    """No answer within the time."""


class BrokenAnswer(OutgoingFault):
    """The connection ended before an answer, or what came is no HTTP."""


for _outcome in ("2xx", "3xx", "4xx", "5xx", *(fault.__name__ for fault in OutgoingFault.__subclasses__())):
    _REQUESTS.labels(_outcome)  # told from the start, so that the first one is seen as a change


class Answer(msgspec.Struct, frozen=True):
    """What came back; `text` is the beginning of the body, at most 2 KB in UTF-8."""

    status: int
    text: str


class _Refused(OSError):
    """Raised in the place of connecting."""


class _Sending:
    """One request on its way, and what the guard refused of it."""

    def __init__(self, *, encrypted: bool) -> None:
        self.encrypted = encrypted
        self.refused: Address | None = None


class _Host:
    """The places at one host, and how many have or want one."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(PLACES_AT_HOST)
        self.users = 0


_sending: ContextVar[_Sending] = ContextVar("outgoing_sending")


class Outgoing:
    """Sends; its one session is made with the first request. A test may hand in a resolver or a shorter time."""

    def __init__(
        self, settings: Settings, *, resolver: AbstractResolver | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.allowed = parse_networks(settings.webhook_allowed_networks)
        self.encrypted_only = settings.is_production
        self._resolver = resolver
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._hosts: dict[str, _Host] = {}

    @contextlib.asynccontextmanager
    async def place_at(self, url: str, *, wait: float) -> AsyncGenerator[bool]:
        """One of the places at the URL's host, or False when none is free within `wait` seconds.

        Each process gives a host 16 at a time, so that one slow receiver does not take what all others need.
        """
        name = (urlsplit(url).hostname or "").rstrip(".")
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        taken = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    taken = await host.places.acquire()
            yield taken
        finally:
            if taken:
                host.places.release()
            host.users -= 1
            if not host.users:
                del self._hosts[name]

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send `body`; raises a fault when no answer came. Any status is an answer."""
        try:
            with _SECONDS.time():
                answer = await self._post(url, body, headers)
        except OutgoingFault as fault:
            _REQUESTS.labels(type(fault).__name__).inc()
            raise
        _REQUESTS.labels(f"{answer.status // 100}xx").inc()
        return answer

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            parts = check_url(url, allowed=self.allowed, encrypted_only=self.encrypted_only)
        except BadUrl as error:
            raise RefusedAddress(f"The address {error}.") from None
        sending = _Sending(encrypted=parts.scheme == "https")
        token = _sending.set(sending)
        try:
            target = URL(url, encoded=True)  # as it was written: quoting it again would change some addresses
            async with self._opened().post(target, data=body, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, await _beginning(response))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._fault(error, sending, parts.hostname or "") from error
        finally:
            _sending.reset(token)

    async def close(self) -> None:
        """Close the session and what it has open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                socket_factory=self._open_socket,
                resolver=self._resolver,
                use_dns_cache=False,
                limit=0,  # who sends decides how many at a time
                # one that is kept may be closed by the server just as it is used again, which would look like a failure
                force_close=True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,  # two kilobytes could unfold to gigabytes
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                headers={"User-Agent": f"SynergyOS/{VERSION}", "Accept-Encoding": "identity"},
            )
        return self._session

    def _open_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """The guard: a socket for this address, or a refusal. Nothing connects without it."""
        family, kind, protocol, _, target = addr_info
        sending = _sending.get()
        address = ipaddress.ip_address(str(target[0]).partition("%")[0])
        # plain HTTP in production is for the operator's own networks
        plain = self.encrypted_only and not sending.encrypted
        if not (is_in(address, self.allowed) if plain else may_reach(address, self.allowed)):
            sending.refused = address
            raise _Refused(f"{address} is refused")
        return socket.socket(family, kind, protocol)

    def _fault(self, error: Exception, sending: _Sending, host: str) -> OutgoingFault:
        if sending.refused is not None:
            # the address is for the operator only: whoever wrote the name down should not learn what the DNS says
            log.warning("outgoing.refused", host=host, address=str(sending.refused))
            needed = " or needs https://" if self.encrypted_only and not sending.encrypted else ""
            return RefusedAddress(f"{host} leads into a private or special network{needed}. Nothing is sent there.")
        match error:
            case aiohttp.ClientConnectorDNSError():
                return NameNotFound(f"No address is known for {host}.")
            case aiohttp.ClientConnectorCertificateError():
                return TlsFailed(f"The certificate of {host} cannot be trusted: {error.certificate_error}"[:300])
            case aiohttp.ClientSSLError():
                return TlsFailed(f"No TLS connection with {host}: {error.os_error}"[:300])
            case TimeoutError():
                return TimedOut(f"No answer within {self._timeout:g} seconds.")
            case aiohttp.ClientConnectorError():
                return NotConnected(f"No connection with {host}: {error.os_error.strerror or error.os_error}"[:300])
            case aiohttp.InvalidURL():
                return RefusedAddress("The address cannot be used.")
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
                return BrokenAnswer("The connection ended before an answer.")
            case _:
                return BrokenAnswer("What came back is no HTTP answer.")


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """The beginning of the body as text that PostgreSQL takes, whatever bytes it has."""
    read = bytearray()
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_BODY_SECONDS):
            while len(read) < MAX_TEXT_BYTES and (chunk := await response.content.read(MAX_TEXT_BYTES - len(read))):
                read += chunk
    text = bytes(read).decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
