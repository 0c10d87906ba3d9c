"""Migrations of the whole schema, by Alembic.

They run beside the old code: add nullable, fill in batches, then enforce.
"""

from synergy_domain.migrations.begin import begin_migration
from synergy_domain.migrations.plan import SchemaPlan, plan_migrations
from synergy_domain.migrations.run import MigrationReport, SchemaTooNew, migrate
from synergy_domain.schema import SUPPORTED_REVISIONS

__all__ = [
    "SUPPORTED_REVISIONS",  # asked for here in the images of other releases
    "MigrationReport",
    "SchemaPlan",
    "SchemaTooNew",
    "begin_migration",
    "migrate",
    "plan_migrations",
]
