"""How a command reaches the system that runs on this machine."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path

import click

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.home import Home
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, Settings, load_settings


def user_name() -> str:
    """Who types; empty where the user has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def home_of(environ: Mapping[str, str]) -> Home:
    """The home that the environment names."""
    return Home(Path(environ.get("SYNERGY_HOME") or ".synergy").absolute())


def running_environment(environ: Mapping[str, str]) -> dict[str, str] | None:
    """What a running `synergy up` on the same home says of its services; EmbeddedError when that cannot be read.

    None when none runs, and with DB_HOST set: then the operator means another database.
    """
    return None if environ.get("DB_HOST") else home_of(environ).running_environment()


def local_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and below it what a running `synergy up` says of its services."""
    try:
        running = running_environment(environ)
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from None
    return {**(running or {}), **environ}


def settings_or_exit(environ: Mapping[str, str]) -> Settings:
    """The settings; a sentence for each fault and exit status 78 when they cannot be used."""
    try:
        return load_settings(environ)
    except InvalidSettings as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_BAD_SETTINGS) from None
