"""The `.env` beside compose.yaml: read, and changed line by line, so that the operator's own lines stay."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$")


def read_env(path: Path) -> dict[str, str]:
    """Its values; a file that is not there has none."""
    if not path.exists():
        return {}
    values: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if (match := _LINE.match(line)) and not line.lstrip().startswith("#"):
            values[match[1]] = _unquoted(match[2].strip())
    return values


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.sub(r"\s+#.*$", "", text)


def write_env(path: Path, values: Mapping[str, str], *, header: str = "") -> None:
    """Set these values and leave everything else as it is; mode 0600, replaced in one step."""
    lines = path.read_text().splitlines() if path.exists() else header.splitlines()
    found: set[str] = set()
    for place, line in enumerate(lines):
        match = _LINE.match(line)
        if match and not line.lstrip().startswith("#") and match[1] in values:
            # each of them, where a name stands twice: the last one counts
            lines[place] = f"{match[1]}={values[match[1]]}"
            found.add(match[1])
    lines += [f"{name}={value}" for name, value in values.items() if name not in found]
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write("\n".join(lines) + "\n")
        target.flush()
        os.fsync(target.fileno())
    part.chmod(0o600)
    part.replace(path)
