"""What every domain speaks of: who acts, people, Markdown, fields of contracts."""

from synergy_domain.common.actor import Actor, GlobalRole, Scope
from synergy_domain.common.contracts import END, Line, PersonView, given
from synergy_domain.common.markdown import mentioned_usernames, render_markdown
from synergy_domain.common.policy import AdminsOnly, require_admin
from synergy_domain.common.versions import expect_version

__all__ = [
    "END", "Actor", "AdminsOnly", "GlobalRole", "Line", "PersonView", "Scope", "expect_version", "given",
    "mentioned_usernames", "render_markdown", "require_admin",
]  # fmt: skip
