"""Write the locked versions: constraints.txt for all environments, docker/requirements*.txt with hashes for the images.

Hatch's own lock does not work with a workspace (docs/decisions/0002-locking.md), so the names are collected
here and resolved by uv for all Python versions and platforms at once.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def members() -> list[Path]:
    """Folders of the workspace's members."""
    hatch = tomllib.loads((ROOT / "hatch.toml").read_text())
    named: list[str | dict[str, str]] = hatch["envs"]["default"]["workspace"]["members"]
    return [ROOT / (member if isinstance(member, str) else member["path"]) for member in named]


def third_party(found: set[str]) -> list[str]:
    """Without our own packages."""
    return sorted(name for name in found if not re.match(r"synergy-", name))


def runtime_requirements() -> list[str]:
    """What the product itself imports; the embedded servers are no part of an image."""
    projects = (tomllib.loads((member / "pyproject.toml").read_text())["project"] for member in members())
    return third_party({name for project in projects for name in project["dependencies"]})


def requirements() -> list[str]:
    """Third-party requirements of every member, with its extras, and of every environment."""
    found: set[str] = set()
    for member in members():
        project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
        found.update(project["dependencies"], *project.get("optional-dependencies", {}).values())
    for environment in tomllib.loads((ROOT / "hatch.toml").read_text())["envs"].values():
        found.update(environment.get("dependencies", []))
        found.update(environment.get("extra-dependencies", []))
    return third_party(found | set(IMAGE_TOOLS.values()))


# file below docker/ -> what an image needs beside the product
IMAGE_TOOLS = {"requirements-build.txt": "hatchling", "requirements-certbot.txt": "certbot"}


def compile_to(target: Path, names: list[str], *options: str) -> None:
    """Resolve `names` into `target`; CalledProcessError when they do not fit together."""
    command = [
        os.environ.get("HATCH_UV", "uv"), "pip", "compile", "--quiet", "--universal", "--no-header", "--no-annotate",
        "--no-emit-index-url", "--no-emit-find-links", *options, "-", "--output-file", str(target),
    ]  # fmt: skip
    # the environment's own constraint would pin everything to what is locked already
    environment = {key: value for key, value in os.environ.items() if key != "UV_CONSTRAINT"}
    subprocess.run(command, input="\n".join(names), text=True, check=True, env=environment)  # noqa: S603 - a fixed command


def main() -> int:
    """Resolve and write the files; arguments (`--upgrade`) go to uv."""
    constraints = ROOT / "constraints.txt"
    try:
        compile_to(constraints, requirements(), "--python-version", "3.11", *sys.argv[1:])
        hashed = ("--python-version", "3.13", "--generate-hashes", "--constraint", str(constraints))
        compile_to(ROOT / "docker/requirements.txt", runtime_requirements(), *hashed)
        for name, tool in IMAGE_TOOLS.items():
            compile_to(ROOT / "docker" / name, [tool], *hashed)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
