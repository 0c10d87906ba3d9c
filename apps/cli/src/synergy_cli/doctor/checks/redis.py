"""The two Redis servers, by what INFO says."""

from __future__ import annotations

from functools import partial

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Check, Finding, fault, graded, ok, warning

_GROUP = "broker and cache"


def _reachable(name: str, facts: Facts) -> Finding:
    trouble = facts.broker_trouble if name == "broker" else facts.cache_trouble
    if trouble:
        return fault(trouble.text, trouble.fix, trouble.runbook)
    facts.redis(name)
    return ok(f"The {name} answers.")


def _version(name: str, facts: Facts) -> Finding:
    found = facts.redis(name)["redis_version"]
    if tuple(int(part) for part in found.split(".")[:2]) < (6, 2):
        return fault(f"The {name} is Redis {found}.", "Update it to Redis 6.2 or later.")
    return ok(f"The {name} is Redis {found}.")


def broker_keeps(facts: Facts) -> Finding:
    """What is queued is never evicted."""
    policy = facts.redis("broker")["maxmemory_policy"]
    if policy != "noeviction":
        return fault(
            f"The broker's maxmemory-policy is {policy}, so it throws queued tasks away when it is full.",
            "Set maxmemory-policy noeviction in its configuration.", "tasks-not-processed",
        )  # fmt: skip
    return ok("The broker evicts nothing.")


def broker_evicted_none(facts: Facts) -> Finding:
    """Whether it did all the same."""
    evicted = int(facts.redis("broker")["evicted_keys"])
    if evicted:
        return fault(
            f"The broker has evicted {evicted} keys since its start.",
            "Set maxmemory-policy noeviction, give it more memory, and start it again; the queue is rebuilt by itself.",
            "tasks-not-processed",
        )
    return ok("The broker has evicted no key.")


def cache_evicts(facts: Facts) -> Finding:
    """A cache that evicts nothing refuses writes when it is full."""
    policy = facts.redis("cache")["maxmemory_policy"]
    if policy == "noeviction":
        return warning(
            "The cache's maxmemory-policy is noeviction, so it refuses writes when it is full.",
            "Set maxmemory-policy allkeys-lru in its configuration.",
        )
    return ok(f"The cache evicts by {policy}.")


def broker_on_disk(facts: Facts) -> Finding:
    """Queued work outlives its process."""
    told = facts.redis("broker")
    if told["aof_enabled"] != "1":
        return warning(
            "The broker keeps nothing on disk; after its end the queue is rebuilt from the database, which takes time.",
            "Set appendonly yes and appendfsync everysec in its configuration.",
        )
    if told["aof_last_write_status"] != "ok" or told["aof_last_bgrewrite_status"] != "ok":
        return fault("The broker cannot write its file.", "Make room on its disk.", "tasks-not-processed")
    return ok("The broker writes its file.")


def _memory(name: str, facts: Facts) -> Finding:
    told = facts.redis(name)
    most, used = int(told["maxmemory"]), int(told["used_memory"])
    if most == 0:
        return warning(
            f"The {name} has no memory limit and may take all there is.", "Set maxmemory 256mb.", "memory-high"
        )
    text = f"The {name} uses {used / 2**20:.1f} of {most / 2**20:.1f} MiB."
    if name == "cache":  # being full is what it is for; being far over its limit is not
        return graded(used / most, 1.1, 1.5, text, "Raise its maxmemory.", "memory-high")
    return graded(
        used / most, 0.75, 0.9, text, "See why the queue is not worked off; raise its maxmemory.", "memory-high"
    )


def _clients(name: str, facts: Facts) -> Finding:
    told = facts.redis(name)
    used, most = int(told["connected_clients"]), int(told["maxclients"])
    text = f"The {name} has {used} of {most} connections in use."
    return graded(used / most, 0.8, 0.95, text, "Find out who opens them (CLIENT LIST), or raise maxclients.")


REDIS_CHECKS = [
    *(Check(_GROUP, f"{name} reachable", partial(_reachable, name)) for name in ("broker", "cache")),
    *(Check(_GROUP, f"{name} version", partial(_version, name)) for name in ("broker", "cache")),
    Check(_GROUP, "broker policy", broker_keeps),
    Check(_GROUP, "broker evictions", broker_evicted_none),
    Check(_GROUP, "broker file", broker_on_disk),
    Check(_GROUP, "cache policy", cache_evicts),
    *(Check(_GROUP, f"{name} memory", partial(_memory, name)) for name in ("broker", "cache")),
    *(Check(_GROUP, f"{name} connections", partial(_clients, name)) for name in ("broker", "cache")),
]
