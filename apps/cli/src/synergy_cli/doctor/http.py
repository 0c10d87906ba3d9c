"""Questions to a web server, with the standard library; each is asked once."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 32 << 20


@dataclass(frozen=True)
class Answer:
    """What came back; `seconds` until its last byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> dict[str, Any]:
        """The body; ValueError when it is no JSON object."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("no object")  # noqa: TRY004 - as for a body that is no JSON
        return value  # pyright: ignore[reportUnknownVariableType]  # a dict, as just seen


class Unreachable(Exception):
    """No answer: `silent` when something takes the connection and says nothing."""

    def __init__(self, text: str, *, silent: bool) -> None:
        super().__init__(text)
        self.silent = silent


class Site:
    """One origin. It is asked at `address`, by the Host name of `name`; its certificate is another check's matter."""

    def __init__(self, address: str, name: str = "") -> None:
        parts = urlsplit(address)
        self.address = address.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (443 if self._secure else 80)
        self._name = name or parts.netloc
        self._trouble: Unreachable | None = None
        self.get = cache(self.ask)

    def ask(self, path: str) -> Answer:
        """GET it now; raises Unreachable."""
        if self._trouble is not None:  # it said nothing a moment ago: each question would wait as long
            raise self._trouble
        try:
            return self._asked(path)
        except Unreachable as error:
            if error.silent:
                self._trouble = error
            raise

    def _asked(self, path: str) -> Answer:
        began = time.monotonic()
        connection = self._connection()
        try:
            connection.request("GET", path, headers={"Host": self._name, "Accept": "*/*"})
            response = connection.getresponse()
            body = response.read(_MOST_BYTES)
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, body, time.monotonic() - began)
        except TimeoutError:
            raise Unreachable(f"{self.address} gives no answer in {TIMEOUT_SECONDS:.0f} s", silent=True) from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise Unreachable(f"{self.address} cannot be reached ({reason})", silent=False) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, context=trusting)


_NAMED = re.compile(rb"""(?:src|href)=["'](/[^"'/][^"']*\.(?:js|mjs|css|svg|png|ico|woff2|webmanifest))["']""")
_IMPORTED = re.compile(rb"""["'](/static/[^"']+\.(?:js|css))["']""")


def files_of(page: bytes) -> list[str]:
    """The files of this site that a page names: scripts, styles, pictures."""
    return sorted({found.decode() for found in [*_NAMED.findall(page), *_IMPORTED.findall(page)]})
