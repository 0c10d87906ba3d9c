"""The beginning of a new migration; for developers."""

from __future__ import annotations

import re
from pathlib import Path

_TEMPLATE = '''"""What changes, and why the code of {before} goes on working beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only: new columns are nullable or have a constant default; indexes of large tables come concurrently."""
    op.add_column("tasks", sa.Column("name", sa.Text(), nullable=True))


def downgrade() -> None:
    """For developers; an operator goes back by an older release, which works on this schema."""
    op.drop_column("tasks", "name")
'''


def begin_migration(name: str, folder: Path | None = None) -> Path:
    """Write the file of the next revision, `<number>_<name>.py`; ValueError for a name that is no Python name."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} cannot be used: small letters, digits and underscores, such as add_sprints.")
    folder = folder or Path(__file__).parent / "versions"
    before = max(path.name[:4] for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py"))
    number = f"{int(before) + 1:04}"
    path = folder / f"{number}_{name}.py"
    path.write_text(_TEMPLATE.format(before=before, number=number))
    return path
