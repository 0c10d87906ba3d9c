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
    # Whoever uses the table queues behind a migration that waits for it, and gives up after 2 s (the lock_timeout of
    # requests): a migration gives up sooner, and `migrate` tries it again.
    context.execute("SET lock_timeout = '1s'")
    context.run_migrations()
