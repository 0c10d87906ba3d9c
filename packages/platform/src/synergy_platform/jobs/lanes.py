"""The order of jobs: the events of one object reach one handler in their order."""

from __future__ import annotations

# A lane is what must happen in order: the events of one object, for one handler. Its key ends in the event's number
# (see `outbox`), so the unique index on dedup_key finds its neighbours. Only the first of a lane is published.
# Each is a subquery for a value: an EXISTS would become a join of all jobs with all jobs.
IS_FIRST_IN_LANE = """
    CASE WHEN job.dedup_key LIKE 'event:%' THEN (
      SELECT earlier.id FROM jobs earlier
      WHERE earlier.dedup_key >= left(job.dedup_key, -19) || '0000000000000000000'
        AND earlier.dedup_key < job.dedup_key AND earlier.name = job.name AND earlier.state = 'waiting'
      ORDER BY earlier.dedup_key LIMIT 1
    ) IS NULL ELSE true END
"""
IS_LAST_IN_LANE = """
    CASE WHEN job.dedup_key LIKE 'event:%' THEN (
      SELECT later.id FROM jobs later
      WHERE later.dedup_key > job.dedup_key
        AND later.dedup_key <= left(job.dedup_key, -19) || '9999999999999999999'
        AND later.name = job.name AND later.state = 'waiting'
      ORDER BY later.dedup_key LIMIT 1
    ) IS NULL ELSE true END
"""
