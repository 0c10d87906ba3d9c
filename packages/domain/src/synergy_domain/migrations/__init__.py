"""Migrations of the whole schema, by Alembic.

They run beside the old code: add nullable, fill in batches, then enforce.
"""

from synergy_domain.migrations.run import SUPPORTED_REVISIONS, MigrationReport, current_revision, migrate

__all__ = ["SUPPORTED_REVISIONS", "MigrationReport", "current_revision", "migrate"]
