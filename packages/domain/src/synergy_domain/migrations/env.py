"""Alembic's environment: the connection comes from `run.py`."""

from __future__ import annotations

from alembic import context

from synergy_domain.migrations.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=True,
    # positions and cursors depend on it, so a changed collation must not go unseen
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
