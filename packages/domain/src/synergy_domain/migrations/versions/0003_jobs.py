"""Leases, dead letters with their history, schedules by interval: the code of 0002 looks at none of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("owner", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("died_at", sa.DateTime(timezone=True), nullable=True))
    # a constant default rewrites no row, and serves the code that does not know the column
    op.add_column(
        "jobs",
        sa.Column(
            "history", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.execute("UPDATE jobs SET died_at = run_at WHERE state = 'dead'")
    op.create_index("ix_jobs_dead", "jobs", ["died_at", "id"], unique=False, postgresql_where=sa.text("state = 'dead'"))
    op.create_index("ix_jobs_owner", "jobs", ["owner"], unique=False, postgresql_where=sa.text("owner IS NOT NULL"))
    op.alter_column("schedules", "cron", nullable=True)
    op.add_column("schedules", sa.Column("interval_seconds", sa.Integer(), nullable=True))
    op.add_column("schedules", sa.Column("run_now_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint("cron_or_interval", "schedules", "(cron IS NULL) <> (interval_seconds IS NULL)")


def downgrade() -> None:
    op.drop_constraint("ck_schedules_cron_or_interval", "schedules")
    op.execute("DELETE FROM schedules WHERE cron IS NULL")
    op.drop_column("schedules", "run_now_at")
    op.drop_column("schedules", "interval_seconds")
    op.alter_column("schedules", "cron", nullable=False)
    op.drop_index("ix_jobs_owner", table_name="jobs")
    op.drop_index("ix_jobs_dead", table_name="jobs")
    op.drop_column("jobs", "history")
    op.drop_column("jobs", "died_at")
    op.drop_column("jobs", "owner")
