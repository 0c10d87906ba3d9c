"""`synergy` as an operator types it, on the database of a test."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from synergy_platform.settings import Settings

Told = tuple[int | None, str, str]


def synergy_on(settings: Settings, *first: str) -> Callable[..., Awaitable[Told]]:
    """A function that runs the command: `first`, then its own words; exit status, standard output, standard error.

    What it is given by name goes into the environment, `stdin` to standard input.
    """
    environ = {
        "PATH": os.environ["PATH"], "SYNERGY_HOME": settings.home, "SECRET_KEY": settings.secret_keys[0],
        "DB_HOST": settings.db_host, "DB_PORT": str(settings.db_port), "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user, "DB_PASSWORD": settings.db_password, "REDIS_URL": settings.redis_url,
        "SYNERGY_LOG_FORMAT": "json",
    }  # fmt: skip

    async def run(*words: str, stdin: str = "", **more: str) -> Told:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "synergy_cli", *first, *words, env=environ | more, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate(stdin.encode())
        return process.returncode, out.decode(), err.decode()

    return run
