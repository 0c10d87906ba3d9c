"""What the doctor asks PostgreSQL; each gives one JSON value. `:role` becomes the application's role.

In one place, because the embedded doctor asks by asyncpg and the stack's by psql in the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

QUERIES: Mapping[str, str] = {
    "version": "SELECT to_json(current_setting('server_version_num')::int)",
    "encoding": "SELECT to_json(pg_encoding_to_char(encoding)) FROM pg_database WHERE datname = current_database()",
    "settings": """
        SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN
          ('data_checksums', 'fsync', 'full_page_writes', 'autovacuum', 'max_connections',
           'superuser_reserved_connections')
    """,
    "clock": "SELECT to_json(extract(epoch FROM clock_timestamp())::float8)",
    "role": "SELECT json_build_object('superuser', rolsuper) FROM pg_roles WHERE rolname = :role",
    "closed_tables": """
        SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
          AND NOT (has_table_privilege(:role, oid, 'SELECT') AND has_table_privilege(:role, oid, 'INSERT')
                   AND has_table_privilege(:role, oid, 'UPDATE') AND has_table_privilege(:role, oid, 'DELETE'))
    """,
    # of all roles: pg_stat_activity tells each role of its own only
    "connections": "SELECT to_json(sum(numbackends)::int) FROM pg_stat_database",
    "longest_transaction": """
        SELECT to_json(coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8)
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    """,
    "lock_waits": """
        SELECT json_build_object('count', count(*),
          'seconds', coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8)
        FROM pg_locks WHERE NOT granted AND locktype <> 'advisory'
          AND (database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR database IS NULL)
    """,
    "table_locks": """
        SELECT coalesce(json_agg(DISTINCT relation::regclass::text), '[]')
        FROM pg_locks WHERE granted AND locktype = 'relation' AND mode = 'AccessExclusiveLock' AND relation > 16384
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """,
    "dead_rows": """
        SELECT coalesce(json_agg(json_build_object('table', relname, 'dead', n_dead_tup, 'live', n_live_tup)), '[]')
        FROM (SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 5) worst
    """,
    "transaction_age": "SELECT to_json(age(datfrozenxid)) FROM pg_database WHERE datname = current_database()",
    "size": "SELECT to_json(pg_database_size(current_database()))",
    "broken_indexes": """
        SELECT coalesce(json_agg(indexrelid::regclass::text), '[]') FROM pg_index WHERE NOT indisvalid
    """,
    "schema": """
        SELECT json_build_object('revision', version_num,
          'comment', obj_description('alembic_version'::regclass, 'pg_class')) FROM alembic_version
    """,
    "silent": """
        SELECT json_object_agg(role, seconds) FROM (
          SELECT r.role, min(extract(epoch FROM clock_timestamp() - seen_at))::float8 AS seconds
          FROM (VALUES ('worker'), ('scheduler')) r(role) LEFT JOIN process_heartbeats p ON p.role = r.role
          GROUP BY r.role) seen
    """,
    "jobs": """
        SELECT json_build_object('dead', count(*) FILTER (WHERE state = 'dead'),
          'due', count(*) FILTER (WHERE state = 'waiting' AND run_at <= now()),
          'oldest', coalesce(extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'waiting')), 0)::float8)
        FROM jobs
    """,
    "outbox": """
        SELECT to_json(coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8) FROM events
        WHERE seq IS NULL AND NOT quiet
    """,
    "late_schedule": """
        SELECT to_json(coalesce(max(extract(epoch FROM now() - next_run_at)), 0)::float8) FROM schedules
        WHERE NOT is_paused
    """,
    "backups": """
        SELECT json_build_object(
          'last', (SELECT coalesce(json_object_agg(task, told), '{}') FROM (
                     SELECT DISTINCT ON (task) task, json_build_object('outcome', outcome, 'summary', summary) AS told
                     FROM maintenance_records WHERE task IN ('backup', 'drill')
                     ORDER BY task, finished_at DESC, id DESC) latest),
          'age', (SELECT coalesce(json_object_agg(task, seconds), '{}') FROM (
                    SELECT task, extract(epoch FROM now() - max(finished_at))::float8 AS seconds
                    FROM maintenance_records
                    WHERE task IN ('backup', 'drill') AND outcome <> 'failed' GROUP BY task) succeeded),
          'escrow', (SELECT detail->>'hint' FROM maintenance_records WHERE task = 'escrow' AND outcome <> 'failed'
                     ORDER BY finished_at DESC, id DESC LIMIT 1),
          'system', (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM users))
    """,
    "newest_event": "SELECT to_json(coalesce(extract(epoch FROM max(occurred_at)), 0)::float8) FROM events",
    "mails": """
        SELECT json_build_object(
          'oldest', coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'queued')), 0)::float8,
          'lost', count(*) FILTER (WHERE state IN ('failed', 'bounced') AND created_at > now() - interval '1 day'))
        FROM mails
    """,
}

# what is there now and again after APART_SECONDS is no matter of a moment
ASKED_TWICE = ("lock_waits", "table_locks")
APART_SECONDS = 1.1


def keep_lasting(found: dict[str, Any], again: Mapping[str, Any]) -> None:
    """Put the two answers to ASKED_TWICE together; a question that had no second one counts as not answered."""
    for name in ASKED_TWICE:
        if name not in again:
            found.pop(name, None)
    if "table_locks" in found:
        found["table_locks"] = [each for each in found["table_locks"] if each in again["table_locks"]]
    if "lock_waits" in found:
        found["lock_waits"] = max(found["lock_waits"], again["lock_waits"], key=lambda waits: waits["seconds"])


def query(name: str, role: str) -> str:
    """The statement, with the role's name in it."""
    quoted = "'" + role.replace("'", "''") + "'"
    return " ".join(QUERIES[name].replace(":role", quoted).split())
