"""The record of what administrators reach that is not theirs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from synergy_domain.identity import Client
from synergy_platform.database import Reader
from synergy_platform.ids import new_id

# One statement, since a read has no transaction: whoever adds the row of the hour writes the event, and another process
# that comes at the same moment waits for it and adds none. A project that was purged meanwhile has no row to add.
_RECORD = """
    WITH reached AS (
      SELECT r.project_id, r.event_id, p.key
      FROM unnest($2::uuid[], $3::uuid[]) AS r (project_id, event_id) JOIN projects p ON p.id = r.project_id
    ), first AS (
      INSERT INTO admin_accesses (user_id, project_id, hour)
      SELECT $1, project_id, date_trunc('hour', $4::timestamptz) FROM reached ORDER BY project_id
      ON CONFLICT DO NOTHING RETURNING project_id
    )
    INSERT INTO security_events (id, type, user_id, ip, user_agent, detail, created_at)
    SELECT reached.event_id, 'admin_access', $1, $5::inet, $6::text,
           jsonb_build_object('project_id', project_id, 'project_key', reached.key, 'request', $7::text), $4
    FROM first JOIN reached USING (project_id)
"""


async def record_admin_access(
    db: Reader, user_id: UUID, client: Client, project_ids: Collection[UUID], *, request: str, now: datetime
) -> None:
    """Write that an administrator reached projects they are in no membership of: once for each, and hour."""
    await db.value(
        _RECORD, user_id, list(project_ids), [new_id() for _ in project_ids], now, client.ip,
        client.user_agent[:300] if client.user_agent else None, request,
    )  # fmt: skip
