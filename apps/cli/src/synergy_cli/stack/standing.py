"""What a deploy leaves as it is: database, Redis, proxy. Which of them this checkout would have otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synergy_cli.stack.compose import Stack
from synergy_cli.stack.rollout import ROLLING, Release

# a tag of its own, so that the image that runs keeps its name
_TAGS = {"SYNERGY_DB_TAG": "plan", "SYNERGY_PROXY_TAG": "plan", "SYNERGY_WATCH_TAG": "plan"}


@dataclass(frozen=True)
class Standing:
    """A service that a deploy does not touch, and why it should be renewed by hand."""

    service: str
    reasons: tuple[str, ...]
    command: str


def find_standing(stack: Stack, config: Mapping[str, Any], wanted_release: Release, *, build: bool) -> list[Standing]:
    """Those whose container is not what compose.yaml, .env and docker/ would make now; `build` asks the images too.

    `config` is compose.yaml as that release resolves it.
    """
    services: dict[str, Any] = {
        name: wanted
        for name, wanted in config["services"].items()
        if name not in (*ROLLING, "migrate", "backup") and not wanted.get("profiles")
    }
    built = sorted({name for name, wanted in services.items() if wanted.get("build")})
    layers = _built_layers(stack, config, built, wanted_release) if build and built else {}
    found: list[Standing] = []
    for name, wanted in services.items():
        told = _inspect(stack, name)
        if told is None:
            found.append(Standing(name, ("new in this version",), f"docker compose up -d --no-deps {name}"))
            continue
        reasons = differences(told, wanted)
        image = str(wanted["image"])
        if image in layers and layers[image] != _layers(stack, told["Image"]):
            reasons.append("its image would be another: docker/ or the base image changed")
        if reasons:
            before = f"just build {name} && " if name in built else ""
            found.append(Standing(name, tuple(reasons), f"{before}just restart {name}"))
    return found


def differences(container: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What compose.yaml wants otherwise than this container has it, in words."""
    found: list[str] = []
    command = wanted.get("command")
    if command is not None and [_plain(word) for word in command] != (container["Config"]["Cmd"] or []):
        found.append("another command line")
    entrypoint = wanted.get("entrypoint")
    if entrypoint is not None and [_plain(word) for word in entrypoint] != (container["Config"]["Entrypoint"] or []):
        found.append("another entrypoint")
    lines: list[str] = container["Config"]["Env"] or []
    has = dict(line.split("=", 1) for line in lines if "=" in line)
    environment: dict[str, str | None] = wanted.get("environment") or {}
    changed = sorted(name for name, value in environment.items() if _plain(value or "") != has.get(name, ""))
    if changed:
        found.append(f"another environment: {', '.join(changed)}")
    if str(wanted["image"]) != container["Config"]["Image"]:
        found.append(f"the image {wanted['image']} for {container['Config']['Image']}")
    places = {str(each["Destination"]) for each in container["Mounts"]}
    volumes: list[dict[str, Any]] = wanted.get("volumes") or []
    secrets: list[dict[str, Any]] = wanted.get("secrets") or []
    mounts = {str(each["target"]) for each in volumes}
    mounts |= {f"/run/secrets/{str(each.get('target') or each['source']).rpartition('/')[2]}" for each in secrets}
    if added := sorted(mounts - places):
        found.append(f"mounts that are new: {', '.join(added)}")
    return found


def _plain(text: str) -> str:
    """`docker compose config` doubles each dollar sign."""
    return text.replace("$$", "$")


def _inspect(stack: Stack, service: str) -> dict[str, Any] | None:
    running = stack.containers(service)
    return next(iter(stack.describe([each.id for each in running[:1]])), None)


def _built_layers(stack: Stack, config: Mapping[str, Any], built: list[str], release: Release) -> dict[str, list[str]]:
    """Layers of what a build would give now, by the name that the image has in `config`."""
    # nothing may be built under the name of an image that runs
    env = {**release.environment, **_TAGS}
    stack.compose("build", "--quiet", *built, env=env)
    other = stack.config(env)["services"]
    images = {str(config["services"][name]["image"]): str(other[name]["image"]) for name in built}
    found = {now: _layers(stack, planned) for now, planned in images.items()}
    if only_for_this := sorted({image for image in images.values() if image not in images}):
        stack.docker("image", "rm", *only_for_this, capture=True, check=False)
    return found


def _layers(stack: Stack, image: str) -> list[str]:
    told = stack.docker("image", "inspect", image, "--format", "{{json .RootFS.Layers}}", capture=True, check=False)
    return json.loads(told.stdout) if told.returncode == 0 else []
