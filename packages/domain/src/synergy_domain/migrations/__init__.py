"""Migrations of the whole schema, by Alembic.

They run beside the old code: add nullable, fill in batches, then enforce.
"""

from synergy_domain.migrations.begin import begin_migration
from synergy_domain.migrations.plan import SchemaPlan, plan_migrations
from synergy_domain.migrations.run import (
    SUPPORTED_REVISIONS,
    MigrationReport,
    Schema,
    SchemaTooNew,
    current_schema,
    migrate,
)

__all__ = [
    "SUPPORTED_REVISIONS",
    "MigrationReport",
    "Schema",
    "SchemaPlan",
    "SchemaTooNew",
    "begin_migration",
    "current_schema",
    "migrate",
    "plan_migrations",
]
