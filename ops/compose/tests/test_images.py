"""The images: how large they are, who runs in them, what is inside, and what must not be.

`-s` prints the audit; the file named by SYNERGY_IMAGE_AUDIT takes it too.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

import pytest

# image, service that runs it, the Dockerfile's argument for the base, and the user
IMAGES = {
    "python": ("api", "PYTHON_IMAGE", "10001"),
    "web": ("web", "NODE_IMAGE", "10001"),
    "proxy": ("proxy", "NGINX_IMAGE", "nginx"),
    "db": ("db", "POSTGRES_IMAGE", "postgres"),
    "backup": ("backup", "POSTGRES_IMAGE", "postgres"),
}
MOST_OVER_BASE = 200_000_000
# PostgreSQL, Python with our libraries, restic and rclone: see docs/decisions/0010-backups.md
BACKUP_OVER_BASE = 310_000_000
# What only builds, checks or tests need. pip itself comes with the public python images; ours adds none.
DEVELOPMENT = {
    "pytest", "ruff", "basedpyright", "hatchling", "hatch", "import-linter", "build", "wheel", "setuptools",
    "coverage", "mypy", "pytest-asyncio", "pytest-xdist", "testcontainers", "playwright", "typescript", "vite",
    "vitest", "eslint", "prettier", "tailwindcss",
}  # fmt: skip
# a file with the words of a secret, wherever it lies outside the system's own folders
SECRET_FILES = re.compile(
    r"(^|/)(\.env(\..*)?|\.git|\.npmrc|\.pypirc|\.netrc|\.ssh|\.aws|id_(rsa|ed25519|ecdsa)|secrets"
    r"|.*\.(pem|key|p12|pfx|kdbx))$"
)
# certificates of public authorities, as the base images and packages bring them
PUBLIC = re.compile(r"/(certifi/cacert\.pem|ca-certificates/|ssl/certs/)|/lib/python3[^/]*/.*/secrets\.py$")
_SYSTEM = ("/proc", "/sys", "/usr/share", "/usr/lib/ssl", "/etc/ssl")
FIND = r"find / -xdev \( " + " -o ".join(f"-path {folder}" for folder in _SYSTEM) + r" \) -prune -o "


def dockerfile(lab, name: str) -> str:
    return (lab.root / f"docker/{'db' if name == 'backup' else name}.Dockerfile").read_text()


def image_of(lab, name: str) -> dict[str, Any]:
    """What `docker image inspect` tells of the image that runs."""
    return inspected(lab, lab.containers(IMAGES[name][0])[0]["Image"])


def inspected(lab, reference: str) -> dict[str, Any]:
    return json.loads(lab.docker("image", "inspect", reference))[0]


def base_of(lab, name: str) -> dict[str, Any]:
    argument = IMAGES[name][1]
    default = re.search(rf"^ARG {argument}=(\S+)", dockerfile(lab, name), re.MULTILINE)
    assert default is not None
    return inspected(lab, lab.env(argument) or default[1])


def inside(lab, reference: str, script: str) -> list[str]:
    """Lines of a script that runs as root, so that it sees everything, in a container of the image."""
    options = ["--rm", "--network", "none", "--user", "0", "--entrypoint", "sh"]
    return lab.docker("run", *options, reference, "-c", script).splitlines()


def packages(lab, name: str) -> dict[str, str]:
    """Installed libraries of ours by name, with their versions."""
    image = image_of(lab, name)["Id"]
    if name == "python":
        script = (
            "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
        )
        return json.loads("".join(inside(lab, image, f"/venv/bin/python -c '{script}'")))
    if name == "web":
        script = (
            "find /app/node_modules -name package.json -path '*/node_modules/*' "
            "| grep -E '/node_modules/(@[^/]+/)?[^/]+/package.json$' | xargs cat"
        )
        text = "\n".join(inside(lab, image, script))
        decoder, found, at = json.JSONDecoder(), {}, 0
        while at < len(text):
            told, at = decoder.raw_decode(text, at)
            found[told["name"]] = told.get("version", "")
            while at < len(text) and text[at].isspace():
                at += 1
        return found
    return {}


def test_audit_is_printed(lab, capsys):
    lines: list[str] = []
    for name in IMAGES:
        image, base = image_of(lab, name), base_of(lab, name)
        over = image["Size"] - base["Size"]
        libraries = packages(lab, name)
        lines.append(
            f"{name:8} {image['Size'] / 1e6:6.1f} MB, {over / 1e6:6.1f} MB over its base, "
            f"user {image['Config']['User']}, {len(libraries)} libraries"
        )
        lines += [f"  {library} {version}" for library, version in sorted(libraries.items())]
    text = "\n".join(lines)
    with capsys.disabled():
        print("\n" + "\n".join(line for line in lines if not line.startswith(" ")))
    print(text)
    if target := os.environ.get("SYNERGY_IMAGE_AUDIT"):
        Path(target).write_text(text + "\n")
    assert len([line for line in lines if not line.startswith(" ")]) == len(IMAGES)


@pytest.mark.parametrize("name", IMAGES)
def test_image_is_little_larger_than_its_base(lab, name):
    image, base = image_of(lab, name), base_of(lab, name)
    assert image["RootFS"]["Layers"][: len(base["RootFS"]["Layers"])] == base["RootFS"]["Layers"]
    assert 0 < image["Size"] - base["Size"] <= (BACKUP_OVER_BASE if name == "backup" else MOST_OVER_BASE)


@pytest.mark.parametrize("name", IMAGES)
def test_image_runs_as_a_user_who_is_not_root(lab, name):
    image = image_of(lab, name)
    assert image["Config"]["User"] == IMAGES[name][2]
    options = ["--rm", "--network", "none", "--entrypoint", "id"]
    assert int(lab.docker("run", *options, image["Id"], "-u")) > 0


@pytest.mark.parametrize("name", IMAGES)
def test_image_has_labels(lab, name):
    labels = image_of(lab, name)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"].startswith("SynergyOS")
    assert labels[f"{prefix}licenses"] == "MIT"
    if name in {"python", "web"}:
        assert labels[f"{prefix}version"]
        assert labels[f"{prefix}description"]
        assert f"{prefix}revision" in labels


@pytest.mark.parametrize("name", IMAGES)
def test_image_has_no_compiler_and_no_cache_of_a_package_manager(lab, name):
    script = (
        "for each in gcc cc g++ c++ clang make ld cargo rustc; do command -v $each; done; "
        "for each in /root/.cache /root/.npm /root/.cargo /home/*/.cache /home/*/.npm /tmp/* /build /wheels "
        "/hatchling; do [ -e $each ] && find $each -type f; done; true"
    )
    assert inside(lab, image_of(lab, name)["Id"], script) == []


@pytest.mark.parametrize("name", ["python", "web"])
def test_image_has_no_development_dependency(lab, name):
    found = packages(lab, name)
    assert len(found) > 20
    assert not DEVELOPMENT & {library.lower() for library in found}


def test_python_image_has_the_locked_versions_and_nothing_else(lab):
    text = (lab.root / "docker/requirements.txt").read_text()
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))
    assert len(re.findall(r"--hash=sha256:", text)) > len(locked)
    found = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in packages(lab, "python").items()}
    ours = {name for name in found if name.startswith("synergy-")}
    assert ours == {"synergy-api", "synergy-cli", "synergy-domain", "synergy-platform", "synergy-worker"}
    assert {name: found[name] for name in found.keys() - ours} == {
        name: version for name, version in locked.items() if name in found
    }
    # the only one that pip was asked for and that nothing imports
    assert locked.keys() - found.keys() <= {"setuptools", "colorama"}


def test_python_image_imports_every_module_of_ours(lab):
    script = (
        "import importlib, pkgutil\n"
        'for root in ("synergy_platform", "synergy_domain", "synergy_api", "synergy_worker", "synergy_cli"):\n'
        "    for found in pkgutil.walk_packages(importlib.import_module(root).__path__, root + chr(46)):\n"
        '        if not found.name.endswith(("__main__", ".migrations.env")):\n'
        "            importlib.import_module(found.name); print(found.name)\n"
    )
    command = f"SECRET_KEY={secrets.token_urlsafe(48)} /venv/bin/python -c '{script}'"
    imported = inside(lab, image_of(lab, "python")["Id"], command)
    assert len(imported) > 50


@pytest.mark.parametrize("name", IMAGES)
def test_image_holds_no_secret(lab, name):
    image, base = image_of(lab, name), base_of(lab, name)
    listing = FIND + r"\( -type f -o -type d \) -print"
    found = {path for path in inside(lab, image["Id"], listing) if SECRET_FILES.search(path)}
    found -= set(inside(lab, base["Id"], listing))
    assert {path for path in found if not PUBLIC.search(path)} == set()
    history = lab.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image["Id"])
    written = history + json.dumps(image["Config"])
    values = re.findall(r"^\w*(?:PASSWORD|SECRET_KEY)=(\S{16,})$", (lab.root / ".env").read_text(), re.MULTILINE)
    assert len(values) >= 5
    assert not [value for value in values if value in written]


@pytest.mark.parametrize("name", IMAGES)
def test_image_adds_no_file_that_changes_the_user(lab, name):
    listing = FIND + r"-type f \( -perm -4000 -o -perm -2000 \) -print; "
    listing += "command -v getcap >/dev/null && getcap -r / 2>/dev/null; true"
    added = set(inside(lab, image_of(lab, name)["Id"], listing)) - set(inside(lab, base_of(lab, name)["Id"], listing))
    assert added == set()


@pytest.mark.parametrize("name", ["python", "web"])
def test_image_has_nothing_of_ours_that_its_user_could_change(lab, name):
    folders = "/venv /usr/local/bin" if name == "python" else "/app"
    script = f"find {folders} -not -type l \\( -user 10001 -o -perm -0002 \\) | head -5"
    assert inside(lab, image_of(lab, name)["Id"], script) == []


def test_web_image_has_no_sources_and_no_maps(lab):
    image = image_of(lab, "web")["Id"]
    listed = inside(lab, image, "ls /app; find /app -name '*.map'; find /app -name typescript")
    assert not {"app", "tests", "vite.config.ts", "tsconfig.json"} & set(listed)
    assert {"build", "server", "node_modules"} <= set(listed)
    assert not [line for line in listed if line.endswith((".map", "typescript"))]
