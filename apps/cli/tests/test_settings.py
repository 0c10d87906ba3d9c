"""Settings as the command line and the embedded system take them."""

from __future__ import annotations

import os
import subprocess
import sys

from synergy_cli.up.environment import make_environments, read_settings
from synergy_platform.env_example import env_example


def synergy(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "PYTHON", "COVERAGE"))}
    return subprocess.run(
        [sys.executable, "-m", "synergy_cli", *arguments], env=inherited | environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_command_with_settings_that_cannot_be_used_exits_78_and_names_each_fault():
    ended = synergy("migrate", SYNERGY_ENV="staging", DEBUG="1", DB_HOST="db", SYNERGY_LOG_LEVL="info")
    assert ended.returncode == 78
    assert ended.stdout == ""
    for word in ("DEBUG", "SECRET_KEY is not set", "ALLOWED_HOSTS", "is SYNERGY_LOG_LEVEL meant?"):
        assert word in ended.stderr


def test_settings_example_prints_the_file():
    assert synergy("settings", "example").stdout == env_example()


def test_public_port_listens_where_the_settings_say():
    environ = {"SYNERGY_HOST": "192.0.2.1", "SYNERGY_PORT": "8443"}
    web = make_environments(
        environ, read_settings(environ), services={}, secret_key="k" * 40, api_address=("127.0.0.1", 1)
    ).web
    assert (web["HOST"], web["PORT"]) == ("192.0.2.1", "8443")
