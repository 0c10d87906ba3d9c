"""Bills of materials of what is shipped, with licences, and what the registries know against it.

hatch run audit:run            both; exit code 1 when something is wrong, 3 when a registry could not be asked
hatch run audit:run --offline  the bills and the licences only
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from synergy_platform.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "docker/requirements.txt"
PACKAGE_LOCK = ROOT / "apps/web/package-lock.json"
TARGET = ROOT / "dist/audit"
WRONG, NOT_ASKED = 1, 3

_FITTING = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|OFL|CC0|Unlicense", re.IGNORECASE)
_REFUSED = re.compile(r"GPL|SSPL|BUSL|Commons Clause", re.IGNORECASE)
# whose package does not say it, but whose repository does
_SAID_ELSEWHERE = {"taskiq-dependencies": "MIT"}


class Part(msgspec.Struct, frozen=True):
    """A library that is shipped; `hashes` in hex."""

    kind: str
    name: str
    version: str
    licence: str
    hashes: tuple[str, ...]

    @property
    def is_fitting(self) -> bool:
        """Whether its licence lets us ship it under ours."""
        return bool(_FITTING.search(self.licence)) and not _REFUSED.search(self.licence)


def python_parts() -> list[Part]:
    """The libraries of the Python image, as they are locked; those of other systems are not installed here."""
    found: list[Part] = []
    for entry in re.split(r"\n(?=\S)", REQUIREMENTS.read_text()):
        match = re.match(r"([\w.-]+)==([^\s;]+)", entry)
        if match is None:
            continue
        name, version = match.groups()
        try:
            licence = _SAID_ELSEWHERE.get(name) or _licence(metadata.metadata(name))
        except metadata.PackageNotFoundError:
            continue
        found.append(Part("pypi", name, version, licence, tuple(re.findall(r"sha256:(\w+)", entry))))
    return found


def _licence(said: metadata.PackageMetadata) -> str:
    classifiers = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if "License ::" in line]
    free_text = (said.get("License") or "").strip().partition("\n")[0]
    return said.get("License-Expression") or " OR ".join(classifiers) or free_text


def web_parts() -> list[Part]:
    """The libraries of the web image, as they are locked."""
    packages: dict[str, dict[str, Any]] = json.loads(PACKAGE_LOCK.read_text())["packages"]
    return [
        Part(
            "npm", path.rpartition("node_modules/")[2], entry["version"], entry.get("license", ""),
            (base64.b64decode(entry["integrity"].removeprefix("sha512-")).hex(),),
        )
        for path, entry in packages.items()
        if path and not entry.keys() & {"dev", "optional", "devOptional"}
    ]  # fmt: skip


def write_bill(target: Path, parts: Iterable[Part]) -> None:
    """CycloneDX 1.6."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    licences = LicenseFactory()
    bill = Bom()
    bill.metadata.component = Component(name="synergyos", version=VERSION, type=ComponentType.APPLICATION)
    for part in parts:
        algorithm = HashAlgorithm.SHA_512 if part.kind == "npm" else HashAlgorithm.SHA_256
        bill.components.add(
            Component(
                name=part.name,
                version=part.version,
                bom_ref=f"{part.kind}:{part.name}",
                type=ComponentType.LIBRARY,
                purl=PackageURL(part.kind, None, part.name, part.version),
                licenses=[licences.make_from_string(part.licence)],
                hashes=[HashType(alg=algorithm, content=content) for content in part.hashes],
            )
        )
    bill.register_dependency(bill.metadata.component, bill.components)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(JsonV1Dot6(bill).output_as_string(indent=2))


def run(*command: str) -> str:
    """What a program prints; its exit code tells nothing that this does not."""
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False).stdout  # noqa: S603 - fixed


def python_holes() -> list[str] | None:
    """What PyPI knows against the locked versions; None when it did not tell of each of them."""
    command = ("pip-audit", "--vulnerability-service", "pypi", "--disable-pip", "--require-hashes", "--format", "json")
    try:
        answers: list[dict[str, Any]] = json.loads(run(*command, "-r", str(REQUIREMENTS)))["dependencies"]
    except ValueError:
        return None
    if any("skip_reason" in answer for answer in answers):
        return None
    return [f"{answer['name']} {answer['version']}: {hole['id']}" for answer in answers for hole in answer["vulns"]]


def web_holes() -> list[str] | None:
    """What npm knows against the locked versions; None when it did not tell."""
    try:
        answer: dict[str, Any] = json.loads(run("npm", "--prefix", "apps/web", "audit", "--omit=dev", "--json"))
        holes: dict[str, dict[str, Any]] = answer["vulnerabilities"]
    except (ValueError, KeyError):
        return None
    return [f"{name} {hole['range']}: {hole['severity']}" for name, hole in holes.items()]


def main(arguments: list[str]) -> int:
    """Write the bills, judge the licences, ask the registries."""
    code = 0
    for name, parts in (("python", python_parts()), ("web", web_parts())):
        target = TARGET / f"{name}.cdx.json"
        write_bill(target, parts)
        print(f"{target.relative_to(ROOT)}: {len(parts)} parts")
        for part in parts:
            if not part.is_fitting:
                print(f"{part.name} {part.version}: its licence does not fit: {part.licence or 'none is named'}")
                code = WRONG
    if "--offline" in arguments:
        return code
    for name, holes in (("PyPI", python_holes()), ("npm", web_holes())):
        if holes is None:
            print(f"{name}: NOT ASKED, it does not answer here")
            code = code or NOT_ASKED
        else:
            print(f"{name}: {'; '.join(holes) or 'nothing known'}")
            code = WRONG if holes else code
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
