"""Counters of jobs, for metrics."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

JOBS = Counter("synergy_jobs", "Jobs by what came of them: done, again, failed, dead", ["job", "outcome"])
JOB_SECONDS = Histogram(
    "synergy_job_seconds", "How long jobs took that were done", ["job"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
