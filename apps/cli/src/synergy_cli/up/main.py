"""What `synergy up` does with its environment; the click command calls this."""

from __future__ import annotations

import os
import sys

from synergy_cli.up.environment import read_settings, wants_pretty
from synergy_cli.up.lines import Output
from synergy_cli.up.system import Programs, System
from synergy_cli.up.web import WebApp, find_web_folder, node_folder
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings

EXIT_FAILED = 1


def main(*, web: bool | WebApp, demo: bool, programs: Programs | None = None) -> int:
    """Run until asked to stop; the exit status. A test hands in a web app and programs of its own."""
    try:
        settings = read_settings(os.environ)
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    output = Output(pretty=wants_pretty(settings, sys.stdout.fileno()))
    try:
        web_app = WebApp(find_web_folder(), node_folder()) if web is True else web or None
        System(settings, os.environ, output, web=web_app, with_demo=demo, programs=programs).run()
    except EmbeddedError as error:
        output.complain(str(error))
        return EXIT_FAILED
    return 0
