"""Installs and builds the web app, step by step, while everything else starts."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Mapping

from synergy_cli.up.lines import Output
from synergy_cli.up.supervisor import Child, Supervisor
from synergy_cli.up.web import WebApp
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import ProcessRecord, spawn


class Build:
    """Call `advance` now and then until it is True."""

    def __init__(
        self, web: WebApp, supervisor: Supervisor, output: Output, record: ProcessRecord, environ: Mapping[str, str]
    ) -> None:
        self._web = web
        self._supervisor = supervisor
        self._output = output
        self._record = record
        self._environment = web.npm_environment(environ)
        self._steps = self._work()
        self._done = False

    def advance(self) -> bool:
        """Go on as far as possible without waiting; whether the web app can be served. EmbeddedError when npm fails."""
        if not self._done:
            self._done = next(self._steps, None) is None
        return self._done

    def _work(self) -> Generator[bool]:
        if not self._web.lock():
            self._output.say("Another SynergyOS builds the web app: waiting for it …")
            while not self._web.lock():
                yield False
        if self._web.needs_install():
            self._output.say("Installing what the web app needs (about a minute, the first time) …")
            yield from self._npm("ci")
        if self._web.needs_build():
            fingerprint = self._web.fingerprint()  # before: a source that changes meanwhile is built again next time
            self._output.say("Building the web app …")
            yield from self._npm("run", "build")
            self._web.stamp(fingerprint)
        self._web.unlock()

    def _npm(self, *arguments: str) -> Generator[bool]:
        def start() -> subprocess.Popen[bytes]:
            pipe = subprocess.PIPE
            command = self._web.npm_command(*arguments)
            return spawn(command, environment=self._environment, folder=self._web.folder, stdout=pipe, stderr=pipe)

        child = Child("npm", start, restarts=False, record=self._record)
        self._supervisor.start(child)
        while child.runs:
            yield False
        self._supervisor.children.remove(child)
        if child.status != 0:
            raise EmbeddedError(
                f"npm {' '.join(arguments)} failed in {self._web.folder}: {_reason(list(child.tail)) or child.status} "
                "See whether the network is there, or start without the web app (--no-web)."
            )


def _reason(lines: list[str]) -> str:
    """What npm says is wrong comes first; its usage and the path of its log follow."""
    said = [line.removeprefix("npm error").strip() for line in lines if line.startswith("npm error")]
    telling = [line for line in said if line and not line.startswith(("code ", "errno ", "syscall ", "path "))]
    own = [line.strip() for line in lines if line.strip() and not line.startswith("npm ")]
    return " / ".join([*own[-3:], *telling[:2]])
