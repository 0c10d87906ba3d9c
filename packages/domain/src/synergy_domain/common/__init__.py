"""What every domain speaks of: who acts, people, Markdown, fields of contracts."""

from synergy_domain.common.actor import Actor, GlobalRole, Scope
from synergy_domain.common.contracts import END, PersonView, given
from synergy_domain.common.markdown import mentioned_usernames, render_markdown

__all__ = ["END", "Actor", "GlobalRole", "PersonView", "Scope", "given", "mentioned_usernames", "render_markdown"]
