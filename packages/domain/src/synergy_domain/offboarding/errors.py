"""What can go wrong with deleting and linking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synergy_platform.errors import Conflict, Forbidden


class OwnsProjects(Conflict):
    """The account owns projects, and nobody was named to get them; `projects` lists them."""

    code, title = "owns_projects", "The account owns projects"

    def __init__(self, projects: Sequence[dict[str, Any]]) -> None:
        super().__init__(
            f"The account owns {len(projects)} projects. Transfer them first, or say who gets them (transfer_to).",
            extra={"projects": list(projects)},
        )


class NotAPerson(Conflict):
    """Only people without an account are linked to one."""

    code = "has_account"

    def __init__(self) -> None:
        super().__init__("This user has an account of their own. Only people whom an import made can be linked.")


class OwnAccount(Forbidden):
    """One's own account is deleted with one's password."""

    code = "own_account"

    def __init__(self) -> None:
        super().__init__("Delete your own account in your settings: it takes your password.")
