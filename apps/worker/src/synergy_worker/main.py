"""The entry point of both processes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from synergy_platform.jobs import Registry
from synergy_platform.logs import configure_logging
from synergy_platform.schedules import ScheduleDefinition
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, load_settings
from synergy_platform.version import VERSION
from synergy_worker import handlers, schedule, worker
from synergy_worker.process import HARD_LIMIT_SECONDS, Victims, keep_child

EXIT_USAGE = 64  # EX_USAGE of sysexits.h


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    registry: Registry | None = None,
    schedules: tuple[ScheduleDefinition, ...] | None = None,
    tasks_per_process: int = worker.TASKS_PER_PROCESS,
    hard_limit: float = HARD_LIMIT_SECONDS,
) -> int:
    """Run the role that `arguments` names until a signal ends it; returns the exit status.

    Registry and schedules are the product's, unless a test brings its own.
    """
    if len(arguments) != 1 or arguments[0] not in {"worker", "scheduler"}:
        sys.stderr.write("Usage: python -m synergy_worker worker|scheduler\n")
        return EXIT_USAGE
    role = arguments[0]
    try:
        settings = load_settings(environ)
        if not settings.secret_keys:
            raise InvalidSettings(["SECRET_KEY is not set (`synergy secret` prints one)"])
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    configure_logging(settings, service=f"synergy-{role}", version=VERSION)
    registry = handlers.make_registry() if registry is None else registry
    if role == "worker":
        running = worker.make_running_jobs(settings)

        def serve(victims: Victims) -> None:
            worker.serve(settings, registry, running, victims, tasks_per_process=tasks_per_process)

        return keep_child(serve, running, hard_limit=hard_limit)
    schedule.serve(settings, registry, handlers.SCHEDULES if schedules is None else schedules)
    return 0
