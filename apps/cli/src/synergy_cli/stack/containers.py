"""What the doctor thinks of the containers, by what `docker inspect` and `docker stats` say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from synergy_cli.doctor.findings import Finding, NotSeen, Runbook, fault, graded, ok, warning
from synergy_cli.stack.rollout import ROLLING

_RECENT_SECONDS = 3600
_BAD_SETTINGS = 78  # how a process of ours ends then
_DOWN: Runbook = "process-does-not-start"
_MEMORY: Runbook = "memory-high"


@dataclass(frozen=True)
class Seen:
    """The engine's words: compose.yaml as it is resolved, each container's inspection, percent of memory by its id."""

    config: dict[str, Any]
    containers: list[dict[str, Any]]
    memory: dict[str, float] = field(default_factory=dict[str, float])
    volumes: frozenset[str] = frozenset()
    tag: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def of(self, service: str) -> list[dict[str, Any]]:
        """The containers of a service."""
        return [each for each in self.containers if _service(each) == service]

    @property
    def lasting(self) -> list[dict[str, Any]]:
        """Those that are to run all the time; NotSeen where there is none."""
        found = [each for each in self.containers if _service(each) in self.config["services"] and not _ends(each)]
        if not found:
            raise NotSeen("there is no container")
        return found


def _service(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"].get("com.docker.compose.service", ""))


def _ends(container: dict[str, Any]) -> bool:
    return _service(container) == "migrate" or container["Config"]["Labels"].get("com.docker.compose.oneoff") == "True"


def _health(container: dict[str, Any]) -> str:
    """Empty where no health check is made."""
    health: dict[str, Any] = container["State"].get("Health") or {}
    return str(health.get("Status", ""))


def _name(container: dict[str, Any]) -> str:
    return str(container["Name"]).lstrip("/")


def all_there(seen: Seen) -> Finding:
    """As many of each service as compose.yaml and .env want."""
    missing: list[str] = []
    ended_by_settings = False
    for service, wanted in seen.config["services"].items():
        if service == "migrate":
            continue
        deploy: dict[str, Any] = wanted.get("deploy") or {}
        count = int(deploy.get("replicas", 1))
        running = [each for each in seen.of(service) if each["State"]["Status"] == "running"]
        if len(running) < count:
            missing.append(f"{service} ({len(running)} of {count})")
            ended_by_settings |= any(each["State"]["ExitCode"] == _BAD_SETTINGS for each in seen.of(service))
    if missing:
        why = ", because of faulty settings (status 78)" if ended_by_settings else ""
        fix = f"Read `just logs {missing[0].split()[0]} --no-follow`, mend what it says, then `just up`."
        return fault(f"Not running{why}: {', '.join(missing)}.", fix, _DOWN)
    return ok(f"{len(seen.lasting)} containers run.")


def healthy(seen: Seen) -> Finding:
    """By their own health checks."""
    states = {_name(each): _health(each) for each in seen.lasting}
    bad = [name for name, state in states.items() if state == "unhealthy"]
    if bad:
        return fault(f"Unhealthy: {', '.join(bad)}.", f"Read its last words: `docker logs --tail 50 {bad[0]}`.", _DOWN)
    young = [name for name, state in states.items() if state == "starting"]
    if young:
        return warning(f"Still starting: {', '.join(young)}.", "Look again in half a minute.", _DOWN)
    return ok("All containers are healthy.")


def restarts(seen: Seen) -> Finding:
    """Those that ended by themselves in the last hour."""
    again = [each for each in seen.lasting if each["RestartCount"] and _age(seen, each) < _RECENT_SECONDS]
    looping = [each for each in seen.lasting if each["State"]["Restarting"]]
    looping += [each for each in again if each["RestartCount"] >= 3]
    fix = "Read `docker logs --tail 50` of it, and mend what it says."
    if looping:
        return fault(f"{_name(looping[0])} was started again {looping[0]['RestartCount']} times.", fix, _DOWN)
    if again:
        return warning(f"{_name(again[0])} ended and was started again in the last hour.", fix, _DOWN)
    return ok("No container ended by itself in the last hour.")


def _age(seen: Seen, container: dict[str, Any]) -> float:
    # Docker writes nanoseconds
    started = datetime.fromisoformat(str(container["State"]["StartedAt"])[:19] + "+00:00")
    return (seen.now - started).total_seconds()


def out_of_memory(seen: Seen) -> Finding:
    """Those that the kernel killed at their limit."""
    killed = [_name(each) for each in seen.lasting if each["State"]["OOMKilled"]]
    if killed:
        return fault(
            f"Killed at the limit of memory: {', '.join(killed)}.",
            "Find what it did then in its log; lower its concurrency, or raise its limit in compose.yaml.", _MEMORY,
        )  # fmt: skip
    return ok("No container was killed for its memory.")


def memory(seen: Seen) -> Finding:
    """The fullest one."""
    names = {each["Id"]: _name(each) for each in seen.lasting}
    shares = {names[key]: share for key, share in seen.memory.items() if key in names}
    if not shares:
        raise NotSeen("no container runs")
    name = max(shares, key=lambda each: shares[each])
    return graded(
        shares[name], 85, 95, f"The fullest container is {name}, with {shares[name]:.0f} % of its limit.",
        "Lower WEB_WORKERS or SYNERGY_WORKER_CONCURRENCY, or raise its limit in compose.yaml.", _MEMORY,
    )  # fmt: skip


def limits(seen: Seen) -> Finding:
    """A container without one may take all memory of the machine."""
    free = [_name(each) for each in seen.lasting if not each["HostConfig"]["Memory"]]
    if free:
        return warning(f"No limit of memory: {', '.join(free)}.", "Take compose.yaml's back: `just restart`.", _MEMORY)
    return ok("Each container has a limit of memory.")


def migrated(seen: Seen) -> Finding:
    """The last migration ended well."""
    found = [each for each in seen.of("migrate") if each["State"]["Status"] == "exited"]
    if not found:
        raise NotSeen("no container of a migration is left")
    status = max(found, key=lambda each: str(each["State"]["FinishedAt"]))["State"]["ExitCode"]
    if status:
        fix = "Read `just logs migrate --no-follow`, mend what it says, then `just up`."
        return fault(f"The last migration ended with {status}.", fix, _DOWN)
    return ok("The last migration ended well.")


def one_version(seen: Seen) -> Finding:
    """An update that was broken off leaves two."""
    running = [each for each in seen.lasting if each["State"]["Status"] == "running"]
    images = {str(each["Config"]["Image"]) for each in running if _service(each) in ROLLING}
    tags = {image.rpartition(":")[2] for image in images}
    if len(tags) > 1:
        return fault(f"Two releases run side by side: {', '.join(sorted(tags))}.", "Run `just deploy` to its end.")
    if tags and seen.tag not in tags:
        return fault(f"{tags.pop()} runs, and .env says {seen.tag}.", "Run `just deploy`, or `just rollback`.")
    if not tags:
        raise NotSeen("no container of ours runs")
    return ok(f"All of ours are of {seen.tag}.")


def ports(seen: Seen) -> Finding:
    """Only the proxy is reached from outside."""
    open_ones = {_name(each) for each in seen.lasting if _service(each) != "proxy" and _bound(each)}
    if open_ones:
        return fault(
            f"Reached from outside, although not the proxy: {', '.join(sorted(open_ones))}.",
            "Take its `ports` away, from compose.yaml and the files of COMPOSE_FILE.",
        )
    proxies = [each for each in seen.of("proxy") if each["State"]["Status"] == "running"]
    if proxies and not _bound(proxies[0]):
        return fault("The proxy has no port, so nobody comes in.", "Run `just restart proxy`.", _DOWN)
    return ok("Only the proxy has ports.")


def _bound(container: dict[str, Any]) -> bool:
    bindings: dict[str, Any] = container["NetworkSettings"].get("Ports") or {}
    return any(bindings.values())


def volumes(seen: Seen) -> Finding:
    """Each of compose.yaml."""
    wanted = {str(each["name"]) for each in seen.config.get("volumes", {}).values()}
    missing = sorted(wanted - seen.volumes)
    if missing:
        return fault(
            f"There is no volume {missing[0]}.",
            "If data was in it, restore that first; `just up` makes an empty one.", _DOWN,
        )  # fmt: skip
    return ok(f"All {len(wanted)} volumes are there.")


def rights(seen: Seen) -> Finding:
    """What compose.yaml takes from every container."""
    for each in seen.lasting:
        host = each["HostConfig"]
        wrong = [
            words
            for words, holds in (
                ("is privileged", host["Privileged"]),
                ("may write to its own disk", not host["ReadonlyRootfs"]),
                ("keeps capabilities", "ALL" not in (host["CapDrop"] or [])),
                ("runs as root", each["Config"]["User"] in {"", "0", "root"}),
            )
            if holds
        ]
        if wrong:
            return warning(f"{_name(each)} {' and '.join(wrong)}.", "Take compose.yaml's back: `just restart`.")
    return ok("No container has more rights than it needs.")
