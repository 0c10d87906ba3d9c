"""The services of the stack, and what Docker tells of their containers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OURS = ("api", "worker", "scheduler", "web")
# of compose.observability.yaml
WATCHERS = ("prometheus", "alertmanager", "disks")
SERVICES = ("db", "broker", "cache", *OURS, "proxy", "backup")
_CONFIG: dict[Path, dict[str, Any]] = {}


def config(lab) -> dict[str, Any]:
    """compose.yaml as compose understands it."""
    if lab.root not in _CONFIG:
        _CONFIG[lab.root] = json.loads(lab.compose("config", "--format", "json").stdout)
    return _CONFIG[lab.root]


def container(lab, service: str) -> dict[str, Any]:
    """What `docker inspect` tells of the newest container of a service, ended ones too."""
    label = "label=com.docker.compose"
    filters = ["--filter", f"{label}.project={config(lab)['name']}", "--filter", f"{label}.service={service}"]
    ids = lab.docker("ps", "--all", "--quiet", "--filter", f"{label}.oneoff=False", *filters).split()
    return json.loads(lab.docker("inspect", ids[0]))[0]


def network_name(lab, short: str) -> str:
    """What Docker calls a network of compose.yaml."""
    return config(lab)["networks"][short]["name"]


def gateway(lab, short: str) -> str:
    """The address at which containers of a network reach this machine."""
    return json.loads(lab.docker("network", "inspect", network_name(lab, short)))[0]["IPAM"]["Config"][0]["Gateway"]


def addresses(lab, service: str) -> dict[str, str]:
    """The address of a service in each of its networks, by the network's short name."""
    networks = container(lab, service)["NetworkSettings"]["Networks"]
    return {name.rpartition("_")[2]: told["IPAddress"] for name, told in networks.items()}
