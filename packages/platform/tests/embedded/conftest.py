"""A data folder is made once and copied: initdb is what takes time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from synergy_platform.embedded.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def made_postgres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("postgres") / "made"
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def postgres_folder(made_postgres: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_postgres, tmp_path / "postgres"))
