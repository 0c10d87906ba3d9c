"""What differs between the version that runs and this checkout, as far as files tell: settings and the changelog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synergy_cli.stack.envfile import read_env

_EXAMPLE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
_SECTION = re.compile(r"^## (?:\[?v?(\d+(?:\.\d+)*)\]?|Unreleased)\b.*$", re.MULTILINE)
# what compose and docker read for themselves
_THEIRS = ("COMPOSE_", "DOCKER_", "BUILDKIT_", "BUILDX_")


@dataclass(frozen=True)
class SettingsChange:
    """By name; `defaults` has before and after. `unread`: in .env, and nothing here reads them."""

    new: dict[str, str]
    gone: tuple[str, ...]
    defaults: dict[str, tuple[str, str]]
    unread: tuple[str, ...]

    def lines(self) -> list[str]:
        """A line for each; empty where nothing differs."""
        return [
            *(f"new: {name}, default {value or 'empty'}" for name, value in self.new.items()),
            *(f"gone: {name}" for name in self.gone),
            *(f"other default: {name}, {old or 'empty'} -> {new or 'empty'}" for name, (old, new) in
              self.defaults.items()),
            *(f"in .env, and nothing reads it: {name}" for name in self.unread),
        ]  # fmt: skip


def example_settings(text: str) -> dict[str, str]:
    """Names and defaults of an `.env.example`."""
    return dict(_EXAMPLE.findall(text))


def settings_change(root: Path, before: str) -> SettingsChange:
    """Against the `.env.example` of the version that runs."""
    old, new = example_settings(before), example_settings((root / ".env.example").read_text())
    return SettingsChange(
        new={name: value for name, value in new.items() if name not in old},
        gone=tuple(name for name in old if name not in new),
        defaults={name: (old[name], new[name]) for name in old if name in new and old[name] != new[name]},
        unread=unread(root, read_env(root / ".env")),
    )


def unread(root: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Names of .env that neither the settings nor compose files nor our own verbs know: gone, or misspelt."""
    files = [root / ".env.example", *root.glob("compose*.yaml"), *root.glob("apps/cli/src/synergy_cli/stack/*.py")]
    known = {word for path in files for word in re.findall(r"[A-Z][A-Z0-9_]+", path.read_text())}
    known |= {f"SYNERGY_{name}_REPLICAS" for name in ("API", "WEB", "WORKER", "SCHEDULER")}
    return tuple(name for name in env if name not in known and not name.startswith(_THEIRS))


def changelog_since(text: str, version: str) -> str:
    """The sections of a CHANGELOG above that of `version`; all of them where it has none."""
    sections = list(_SECTION.finditer(text))
    end = next((each.start() for each in sections if each[1] and _parts(each[1]) <= _parts(version)), len(text))
    start = sections[0].start() if sections else 0
    return text[start:end].strip() if start < end else ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
