"""The stack as `docker compose` sees it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from synergy_cli.stack.envfile import read_env, write_env

_HEALTH_POLL_SECONDS = 0.5
_NO_HEALTH = {"Status": ""}
_NO_DOCKER = "The docker command is not here. Install Docker Engine with Compose v2."
_ON = {"1", "true", "yes", "on"}
_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class StackError(Exception):
    """Something that the operator has to know; its text says what to do."""


def say(sentence: str) -> None:
    """Tell the operator what is done; whose terminal is gone is told nothing, and no way back ends for that."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{sentence}\n")
        sys.stdout.flush()


def _stop_as_by_hand() -> None:
    """Have a lost connection or a kill end a command as Ctrl-C does: with its way back, which nothing interrupts."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in _ENDING:
        signal.signal(number, stop)


def last_line(text: str) -> str:
    """Of what a program wrote: mostly why it failed, below a traceback or not."""
    return (text.strip().splitlines() or ["it says nothing"])[-1]


@dataclass(frozen=True)
class Container:
    """A container of a service."""

    id: str
    name: str
    image: str
    status: str
    health: str

    @property
    def ready(self) -> bool:
        """Whether it runs, and its health check, if it has one, says so too."""
        return self.status == "running" and self.health in {"", "healthy"}


class Stack:
    """The folder with compose.yaml and .env, and the containers that came of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env_file = root / ".env"

    @property
    def env(self) -> dict[str, str]:
        """What .env says, and over it the environment of this command, as compose itself reads them."""
        return {**read_env(self.env_file), **{k: v for k, v in os.environ.items() if k.isupper()}}

    def setting(self, name: str, default: str) -> str:
        """A value of `env`, where an empty one counts as none."""
        return self.env.get(name) or default

    def count(self, name: str, default: int) -> int:
        """A setting of `env` that is a number; StackError when it is none."""
        value = self.setting(name, str(default))
        if not value.isdecimal():
            raise StackError(f"{name} is {value!r} in .env or the environment: write a number there.")
        return int(value)

    def switch(self, name: str, *, default: bool) -> bool:
        """Whether a setting of `env` is on, in the words that the product's settings take."""
        value = self.setting(name, "")
        return value.lower() in _ON if value else default

    def save(self, values: Mapping[str, str]) -> None:
        """Keep values in .env."""
        write_env(self.env_file, values)

    def require_init(self) -> None:
        """StackError where `init` has not been run."""
        if not self.env_file.exists() or not (self.root / "secrets").is_dir():
            raise StackError("There is no .env with its secrets here yet. Run `just init` first.")

    def docker(
        self,
        *arguments: str,
        capture: bool = False,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker`; its output goes through unless it is captured. StackError when it fails and `check` is set."""
        command = ["docker", *arguments]
        try:
            done = subprocess.run(
                command, check=False, cwd=self.root, env={**os.environ, **(env or {})}, text=True, input=stdin,
                stdout=subprocess.PIPE if capture else None, stderr=subprocess.PIPE if capture else None,
            )  # fmt: skip
        except FileNotFoundError:
            raise StackError(_NO_DOCKER) from None
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout or "").strip() if capture else "its words are above"
            raise StackError(f"`docker {' '.join(arguments[:6])}` failed ({done.returncode}): {said}")
        return done

    def compose(
        self,
        *arguments: str,
        capture: bool = False,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`."""
        return self.docker("compose", *arguments, capture=capture, check=check, env=env, stdin=stdin)

    def lines(self, *arguments: str) -> Iterator[str]:
        """The lines that `docker compose` writes, as they come; it is ended when no more are wanted."""
        command = ["docker", "compose", *arguments]
        try:
            process = subprocess.Popen(command, cwd=self.root, stdout=subprocess.PIPE, text=True, errors="replace")
        except FileNotFoundError:
            raise StackError(_NO_DOCKER) from None
        with process:
            try:
                yield from process.stdout or ()
            finally:
                if process.poll() is None:
                    process.terminate()
        if process.returncode != 0:
            raise StackError(f"`docker compose {' '.join(arguments[:6])}` failed ({process.returncode}).")

    def interactive(self, *arguments: str) -> int:
        """Run `docker compose` on this terminal; its exit status."""
        return self.compose(*arguments, check=False).returncode

    def execute(self, service: str, *words: str) -> int:
        """Run a program in a container of a service, on this terminal if there is one; its exit status."""
        # `docker compose exec` wants a terminal unless it is told otherwise
        return self.interactive("exec", *(() if sys.stdin.isatty() else ("-T",)), service, *words)

    def config(self, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The compose files as compose resolves them; StackError, without its words, when it cannot."""
        resolved = self.compose("config", "--format", "json", capture=True, check=False, env=env)
        if resolved.returncode != 0:  # what it says may show a line of .env
            raise StackError(
                "compose.yaml and .env do not fit together. `just init` writes what is missing in .env; "
                "`docker compose config --quiet` says what else it is."
            )
        return json.loads(resolved.stdout)

    def containers(self, service: str) -> list[Container]:
        """The containers of a service that were not removed, oldest number first."""
        listed = self.compose("ps", "--all", "--quiet", "--no-trunc", service, capture=True, check=False).stdout.split()
        return self.inspect(listed)

    def inspect(self, ids: Sequence[str]) -> list[Container]:
        """These containers, as far as they are still there."""
        containers = [
            Container(
                each["Id"],
                each["Name"].lstrip("/"),
                each["Config"]["Image"],
                each["State"]["Status"],
                str((each["State"].get("Health") or _NO_HEALTH)["Status"]),
            )
            for each in self.describe(ids)
        ]
        return sorted(containers, key=lambda each: (len(each.name), each.name))

    def describe(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """All that the engine knows of these containers, as far as they are still there."""
        told = self.docker("inspect", *ids, capture=True, check=False).stdout if ids else ""
        return json.loads(told or "[]")

    def wait_ready(self, ids: Sequence[str], seconds: float) -> None:
        """Wait until all of them are ready; StackError, with the end of the log, when one is not in time or ends."""
        deadline = time.monotonic() + seconds
        while True:
            containers = self.inspect(ids)
            bad = [c for c in containers if c.status in {"exited", "dead", "restarting"}]
            if len(containers) == len(ids) and all(c.ready for c in containers):
                return
            if bad or len(containers) < len(ids) or time.monotonic() > deadline:
                first = (bad or [c for c in containers if not c.ready])[:1]
                said = self.last_words(first[0].id) if first else ""
                name = first[0].name if first else "a container"
                raise StackError(f"{name} did not become healthy within {seconds:.0f} s. It said last:\n{said}")
            time.sleep(_HEALTH_POLL_SECONDS)

    def last_words(self, container: str) -> str:
        """The end of a container's log."""
        done = self.docker("logs", "--tail", "12", container, capture=True, check=False)
        return (done.stdout + done.stderr).strip()

    @contextlib.contextmanager
    def lock(self) -> Generator[None]:
        """Only one command at a time may change the stack, and however it is ended, it goes its way back."""
        with (self.root / ".stack.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError("Another command changes the stack at this moment. Wait for it to end.") from None
            before = {number: signal.getsignal(number) for number in _ENDING}
            _stop_as_by_hand()
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)


def find_root(start: Path) -> Path:
    """The nearest folder upwards with a compose.yaml of ours; StackError without one."""
    for folder in (start, *start.parents):
        if (folder / "compose.yaml").exists() and (folder / "docker").is_dir():
            return folder
    raise StackError("There is no compose.yaml here. Run this in the folder of SynergyOS.")
