"""Write constraints.txt: the locked version of everything that any environment installs.

Hatch's own lock does not work with a workspace (docs/decisions/0002-locking.md), so the names are collected
here and resolved by uv for all Python versions and platforms at once.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def requirements() -> list[str]:
    """Third-party requirements of every member and environment."""
    found: set[str] = set()
    hatch = tomllib.loads((ROOT / "hatch.toml").read_text())
    members = hatch["envs"]["default"]["workspace"]["members"]
    for member in members:
        found.update(tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["dependencies"])
    for environment in hatch["envs"].values():
        found.update(environment.get("dependencies", []))
        found.update(environment.get("extra-dependencies", []))
    return sorted(name for name in found if not re.match(r"synergy-", name))


def main() -> int:
    """Resolve and write the file; arguments (`--upgrade`) go to uv."""
    with tempfile.NamedTemporaryFile("w", suffix=".in", delete=False) as source:
        source.write("\n".join(requirements()))
    command = [
        os.environ.get("HATCH_UV", "uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
        "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
        source.name, "--output-file", str(ROOT / "constraints.txt"), *sys.argv[1:],
    ]  # fmt: skip
    # the environment's own constraint would pin everything to what is locked already
    environment = {key: value for key, value in os.environ.items() if key != "UV_CONSTRAINT"}
    return subprocess.run(command, check=False, env=environment).returncode  # noqa: S603 - a fixed command


if __name__ == "__main__":
    raise SystemExit(main())
