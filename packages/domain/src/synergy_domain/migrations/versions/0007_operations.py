"""Dated records of maintenance, and where a trace that continues in the background came from.

A table that older code does not know and does not need, and columns that are nullable.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maintenance_records",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("task", sa.String(length=60), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.String(length=100), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_records")),
    )
    op.create_index("ix_maintenance_records_task", "maintenance_records", ["task", "finished_at"], unique=False)
    for table in ("events", "jobs"):
        op.add_column(table, sa.Column("trace_parent", sa.String(length=55), nullable=True))


def downgrade() -> None:
    for table in ("events", "jobs"):
        op.drop_column(table, "trace_parent")
    op.drop_table("maintenance_records")
