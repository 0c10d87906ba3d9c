"""How a command reaches the system that runs on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.home import Home


def local_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and below it what a running `synergy up` on the same home says of its services.

    With DB_HOST set the operator means another database, and nothing is added.
    """
    if environ.get("DB_HOST"):
        return dict(environ)
    try:
        running = Home(Path(environ.get("SYNERGY_HOME") or ".synergy").absolute()).running_environment()
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from None
    return {**(running or {}), **environ}
