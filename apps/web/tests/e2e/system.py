"""The running system from inside, for what no page and no request can bring about: dead letters, old backups."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from synergy_cli.main import run_with_runtime
from synergy_domain.maintenance import RecordInput, add_record
from synergy_platform.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from synergy_platform.runtime import Runtime

_DEAD_LETTER = """
    INSERT INTO jobs (id, name, queue, payload, state, attempts, error, run_at, died_at, created_at, request_id,
                      history)
    VALUES ($1, $2, 'bulk', $3::jsonb, 'dead', 5, $4, now(), now(), now(), 'request-of-the-test',
            jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'error', $4::text, 'duration_ms', 12.5)))
    RETURNING id
"""


def inside(work: Callable[[Runtime], Awaitable[Any]]) -> Any:
    """Do something with the system's own database; in a thread, since the browser has the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run_with_runtime, work).result()


def give_up(name: str, payload: str = "{}", error: str = "OSError: the disk went away") -> str:
    """A job that was given up; its id."""
    return str(inside(lambda runtime: runtime.database.reader().value(_DEAD_LETTER, new_id(), name, payload, error)))


def forget_records() -> None:
    """As if nothing had ever been recorded of maintenance."""
    inside(lambda runtime: runtime.database.reader().value("DELETE FROM maintenance_records"))


def record(task: str, hours: float, outcome: str = "ok", summary: str = "It was done.", **detail: Any) -> None:
    """Record that a task of maintenance was done some hours ago."""

    async def add(runtime: Runtime) -> None:
        at = runtime.clock.now() - timedelta(hours=hours)
        async with runtime.database.unit_of_work() as uow:
            add_record(
                uow,
                RecordInput(
                    task=task,
                    outcome=outcome,
                    started_at=at - timedelta(minutes=1),
                    finished_at=at,
                    done_by="backup-1",
                    summary=summary,
                    detail=detail,
                ),
            )

    inside(add)
