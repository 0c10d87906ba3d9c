"""The entry point of all processes of this app.

Each role imports only what it needs: a process for one job is then there in a third of the time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from synergy_platform.ids import parse_id
from synergy_platform.jobs import Registry
from synergy_platform.logs import configure_logging
from synergy_platform.reporting import start_reporting
from synergy_platform.schedules import ScheduleDefinition
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, Settings, load_settings
from synergy_platform.version import VERSION
from synergy_worker import alone
from synergy_worker.process import HARD_LIMIT_SECONDS, Victims, keep_child

EXIT_USAGE = 64  # EX_USAGE of sysexits.h
TASKS_PER_PROCESS = 1000


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    registry: Registry | None = None,
    schedules: tuple[ScheduleDefinition, ...] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "synergy_worker"),
    tasks_per_process: int = TASKS_PER_PROCESS,
    hard_limit: float = HARD_LIMIT_SECONDS,
) -> int:
    """Run the role that `arguments` names until a signal ends it, or its one job; returns the exit status.

    Registry, schedules and the command that gets here again are the product's, unless a test brings its own.
    """
    match arguments:
        case ["worker" | "scheduler" as role]:
            job_id, request_id = None, None
        case ["job" | "io-job" as role, text, *rest] if (job_id := parse_id(text)) and len(rest) <= 1:
            request_id = rest[0] if rest else None
        case _:
            sys.stderr.write("Usage: python -m synergy_worker worker|scheduler, or job|io-job ID [REQUEST_ID]\n")
            return EXIT_USAGE
    try:
        settings = load_settings(environ)
        if not settings.secret_keys:
            raise InvalidSettings(["SECRET_KEY is not set (`synergy secret` prints one)"])
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    service = "synergy-scheduler" if role == "scheduler" else "synergy-worker"
    configure_logging(settings, service=service, version=VERSION)
    start_reporting(settings, service=service)
    registry = _product_registry() if registry is None else registry
    if job_id is not None:
        return alone.do_job(settings, registry, job_id, request_id, is_io=role == "io-job")
    if role == "worker":
        apart = alone.JobsApart(command, environ, hard_limit)
        return _serve_worker(settings, registry, apart, tasks_per_process, hard_limit)
    _serve_scheduler(settings, registry, schedules)
    return 0


def _product_registry() -> Registry:
    from synergy_worker import handlers

    return handlers.make_registry()


def _serve_worker(
    settings: Settings, registry: Registry, apart: alone.JobsApart, tasks_per_process: int, hard_limit: float
) -> int:
    from synergy_worker import worker

    if settings.otlp_endpoint:
        import synergy_platform.spans  # noqa: F401  # pyright: ignore[reportUnusedImport]  # once, and not in each child

    running = worker.make_running_jobs(settings)

    def serve(victims: Victims) -> None:
        worker.serve(settings, registry, running, victims, apart, tasks_per_process=tasks_per_process)

    return keep_child(serve, running, hard_limit=hard_limit)


def _serve_scheduler(settings: Settings, registry: Registry, schedules: tuple[ScheduleDefinition, ...] | None) -> None:
    from synergy_worker import handlers, schedule

    schedule.serve(settings, registry, handlers.SCHEDULES if schedules is None else schedules)
