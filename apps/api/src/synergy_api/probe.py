"""Whether the API of this machine is alive or ready, for health checks of containers and deployments.

It runs every few seconds in each container, so it imports next to nothing and speaks to the socket itself.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

TIMEOUT_SECONDS = 3.0
DEFAULT_PORT = "8001"


def probe(what: str, environ: Mapping[str, str]) -> int:
    """0 when `GET /api/health/<what>` answers 200, else 1 and a sentence on standard error."""
    host, port = _setting(environ, "SYNERGY_API_HOST", "127.0.0.1"), _setting(environ, "SYNERGY_API_PORT", DEFAULT_PORT)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where it listens, not a place to bind
    request = f"GET /api/health/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The API at {host}:{port} cannot be reached: {error}\n")
        return 1
    status = answer[9:12].decode("ascii", "replace")
    if status != "200":
        body = answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
        sys.stderr.write(f"/api/health/{what} answered {status}: {body}\n")
        return 1
    return 0


def _setting(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, "")
    if path := environ.get(f"{name}_FILE"):
        with open(path) as file:  # noqa: PTH123 - pathlib costs as much as all the rest
            value = file.read()
    return value.strip() or default
