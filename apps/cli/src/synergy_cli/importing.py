"""Commands that bring data in."""

from __future__ import annotations

import click


@click.group("import")
def import_group() -> None:
    """Bring data in from elsewhere."""
