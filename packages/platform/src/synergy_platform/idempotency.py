"""Answers of requests that named an idempotency key: the same request again gets the same answer, for 24 hours.

An answer is stored in the transaction that does what was asked for, so there is one exactly if it was done. While that
transaction runs, a lock tells other processes so; it ends with the transaction, also when its process dies.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from synergy_platform.database import UnitOfWork
from synergy_platform.errors import Conflict, ProductError

KEPT = timedelta(hours=24)

_FIND = """
    SELECT fingerprint, status, headers::text AS headers, body FROM idempotency_keys
    WHERE user_id = $1 AND key_hash = $2 AND created_at > $3
"""
# what is there already has expired
_KEEP = """
    INSERT INTO idempotency_keys (user_id, key_hash, fingerprint, status, headers, body, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (user_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
      headers = excluded.headers, body = excluded.body, created_at = excluded.created_at
"""


class StillUnderWay(Conflict):
    """The first request with this key has not ended yet."""

    code, title = "request_under_way", "The first request is still under way"

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key is still under way. Send it again in a second.",
            headers={"Retry-After": "1"},
        )


class KeyReused(ProductError):
    """The key belongs to another request."""

    status, code, title = 422, "idempotency_key_reused", "The key was used for another request"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another address or body within 24 hours. Take a new key.")


class KeptAnswer(msgspec.Struct, frozen=True):
    """An answer as it was given: status, headers of its own, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class KeyedRequest:
    """A request of one user under one key; `fingerprint` is a hash of all that makes it this request."""

    def __init__(self, user_id: UUID, key: str, fingerprint: bytes) -> None:
        self._user_id = user_id
        self._key_hash = blake2b(key.encode(), digest_size=32).digest()
        self._fingerprint = fingerprint

    async def claim(self, uow: UnitOfWork) -> KeptAnswer | None:
        """The answer that was given, or None when this request is the first.

        Raises StillUnderWay when that runs at this moment, and KeyReused when it was another one.
        """
        number = blake2b(self._user_id.bytes + self._key_hash, digest_size=8).digest()
        # it is given up after the commit is visible, so the next statement sees what its last holder wrote
        if not await uow.value("SELECT pg_try_advisory_xact_lock($1)", int.from_bytes(number, signed=True)):
            raise StillUnderWay
        row = await uow.row(_FIND, self._user_id, self._key_hash, uow.now - KEPT)
        if row is None:
            return None
        if row["fingerprint"] != self._fingerprint:
            raise KeyReused
        headers = msgspec.json.decode(row["headers"], type=dict[str, str])
        return KeptAnswer(status=row["status"], headers=headers, body=row["body"])

    async def keep(self, uow: UnitOfWork, answer: KeptAnswer) -> None:
        """Keep the answer of the request that `claim` found to be the first, with what it did."""
        headers = msgspec.json.encode(answer.headers).decode()
        await uow.value(
            _KEEP, self._user_id, self._key_hash, self._fingerprint, answer.status, headers, answer.body, uow.now
        )


async def delete_old_answers(uow: UnitOfWork) -> int:
    """Delete the answers that are no longer given; returns how many."""
    return await uow.value(
        "WITH gone AS (DELETE FROM idempotency_keys WHERE created_at < $1 RETURNING 1) SELECT count(*) FROM gone",
        uow.now - KEPT,
    )
