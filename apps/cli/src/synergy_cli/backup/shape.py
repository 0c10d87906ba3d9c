"""Which engine a command works with: that of the running or resting embedded system, or of the compose stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synergy_cli.backup.embedded import EmbeddedEngine
from synergy_cli.backup.engine import Engine
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.pgbackrest import KEY_FILE, PgBackRest
from synergy_cli.local import home_of
from synergy_platform.embedded.home import Home, kept_secret
from synergy_platform.embedded.postgres import SUPERUSER
from synergy_platform.settings import Settings


def is_embedded(environ: Mapping[str, str]) -> bool:
    """Whether the database is one that `synergy up` runs."""
    return not environ.get("DB_HOST")


def engine_for(settings: Settings, environ: Mapping[str, str]) -> Engine:
    """The engine of the system that `environ` (the operator's, without what a running system says) names."""
    if is_embedded(environ):
        return embedded_engine(settings, home_of(environ))
    if KEY_FILE.exists():
        return container_engine(settings)
    raise BackupError("The database is not one of `synergy up`: use what its operator has for backups.")


def container_engine(settings: Settings, cluster: Path | None = None) -> PgBackRest:
    """Of the compose stack's backup container; `cluster` for a restore that is to stay."""
    media = settings.media_path if settings.storage == "disk" else None
    dsn = settings.database_url(direct=True)
    return PgBackRest(dsn=dsn, key=settings.backup_key.encode(), media=media, cluster=cluster)


def embedded_engine(settings: Settings, home: Home) -> EmbeddedEngine:
    """Of a home, whether it runs or not."""
    dsn = ""
    running = home.running_environment()
    if running is not None:
        password = (home.path / "postgres" / "superuser-password").read_text().strip()
        dsn = f"postgresql://{SUPERUSER}:{password}@{running['DB_HOST']}:{running['DB_PORT']}/{running['DB_NAME']}"
    media = settings.media_path if settings.storage == "disk" else None
    return EmbeddedEngine(home.path, settings.backup_path, media, backup_key(settings, home).encode(), dsn)


def backup_key(settings: Settings, home: Home) -> str:
    """The key that signs backups: the operator's, or one that is made and kept in the home."""
    return settings.backup_key or kept_secret(home.path / "backup-key")
