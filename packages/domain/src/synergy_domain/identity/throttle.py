"""Growing delays: after five failures in a row the next try waits 1 s, then 2 s, 4 s … and never more than 15 minutes.

Counted for what was typed as a name, whether somebody has it or not: so that both look the same, and since the limit by
address stops nobody who has many addresses. A device that has signed in as this user before has a counter of its own,
so that whoever fails all day keeps out other strangers, and never the owner.

A try counts as failed before it is looked at, and is forgiven when it succeeds: of many at the same moment one at most
gets through.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Literal
from uuid import UUID

from synergy_platform.database import Database, UnitOfWork
from synergy_platform.errors import TooManyRequests
from synergy_platform.tokens import Keyring

# the wait in seconds after that many failures; after more, the last one
DELAYS = (0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900)
# without a failure for so long, it begins anew
FORGOTTEN_AFTER = timedelta(days=1)

_COUNT = """
    WITH counted AS (
      INSERT INTO login_throttles AS t (key_hash, failures, last_failure_at, blocked_until)
      VALUES ($1, 1, $2, $2::timestamptz + make_interval(secs => nullif(($4::int[])[2], 0)))
      ON CONFLICT (key_hash) DO UPDATE SET
        failures = CASE WHEN t.last_failure_at < $3 THEN 1 ELSE t.failures + 1 END,
        last_failure_at = $2,
        blocked_until = $2::timestamptz + make_interval(secs => nullif(($4::int[])[
          CASE WHEN t.last_failure_at < $3 THEN 2 ELSE least(t.failures + 2, cardinality($4::int[])) END], 0))
      WHERE t.blocked_until IS NULL OR t.blocked_until <= $2
      RETURNING failures
    )
    SELECT (SELECT failures FROM counted) AS failures,
           (SELECT blocked_until FROM login_throttles WHERE key_hash = $1) AS blocked_until
"""


def throttle_key(keyring: Keyring, kind: Literal["password", "mfa"], account: str, device_id: UUID | None) -> bytes:
    """What is counted together; keyed, since the table would tell what strangers typed as names."""
    return keyring.mac("login-throttle", f"{kind}\n{account}\n{device_id or ''}".encode())


async def count_attempt(database: Database, key: bytes) -> None:
    """Count a try as failed, and let it be looked at; raises TooManyRequests while one has to wait."""
    async with database.unit_of_work() as uow:
        row = await uow.row(_COUNT, key, uow.now, uow.now - FORGOTTEN_AFTER, list(DELAYS))
        now = uow.now
    if row is not None and row["failures"] is not None:
        return
    until = row["blocked_until"] if row else None
    # whoever was counted in this very moment is not seen yet: its delay is a second at least
    seconds = max(1, math.ceil((until - now).total_seconds())) if until else 1
    raise TooManyRequests(f"Too many attempts. Try again in {seconds} seconds.", retry_after=seconds)


async def forgive(uow: UnitOfWork, key: bytes) -> None:
    """Begin anew: it was them."""
    await uow.value("DELETE FROM login_throttles WHERE key_hash = $1", key)


async def delete_old_throttles(uow: UnitOfWork) -> int:
    """Delete what has been forgotten; returns how many."""
    return await uow.value(
        "WITH gone AS (DELETE FROM login_throttles WHERE last_failure_at < $1 RETURNING 1) SELECT count(*) FROM gone",
        uow.now - FORGOTTEN_AFTER,
    )
