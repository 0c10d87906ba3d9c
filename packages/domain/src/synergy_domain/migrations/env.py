"""Alembic's environment: the connection comes from `run.py`; without one, `offline.py` asks for the statements."""

from __future__ import annotations

from alembic import context

from synergy_domain.migrations.tables import METADATA

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql", literal_binds=True, target_metadata=METADATA, transaction_per_migration=True
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        transaction_per_migration=True,
        # positions and cursors depend on it, so a changed collation must not go unseen
        compare_type=True,
    )
with context.begin_transaction():
    # a migration waits 5 s for a lock at most, rather than stopping everybody who queues behind it
    context.execute("SET lock_timeout = '5s'")
    context.run_migrations()
