"""The kinds of callers, and what a rule means for each: the product's rules said a second time, without its code."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ProjectRole = Literal["viewer", "member", "manager", "owner"]
Credential = Literal["none", "session", "revoked", "deactivated"]

_RANK = ("viewer", "member", "manager", "owner")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of caller: global role, role in the project, and what they show to prove it."""

    name: str
    project_role: ProjectRole | None = None
    role: Literal["member", "manager", "admin"] = "member"
    credential: Credential = "session"
    verified: bool = True

    @property
    def is_admin(self) -> bool:
        """Whether they run the instance."""
        return self.role == "admin"


CALLERS: tuple[Kind, ...] = (
    Kind(name="anonymous", credential="none"),
    Kind(name="stranger"),
    Kind(name="global_manager", role="manager"),
    Kind(name="viewer", project_role="viewer"),
    Kind(name="member", project_role="member"),
    Kind(name="manager", project_role="manager"),
    Kind(name="owner", project_role="owner"),
    Kind(name="unverified", project_role="manager", verified=False),
    Kind(name="admin", role="admin"),
    # whoever may do everything, to show that it is the session that counts
    Kind(name="revoked", role="admin", project_role="manager", credential="revoked"),
    Kind(name="deactivated", role="admin", project_role="manager", credential="deactivated"),
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a route asks of its callers, and a request that is good but for the caller.

    `rule`: `public`, `signed-in`, `admin`, `project:<least role>`, `author` (of what the member made) or
    `author-or-manager`, `mine` (what belongs to the member, and is not there for others), `person` (whoever may see
    the member). `session`: not for personal tokens. `differs` names the callers for whom it is another status. A
    string that begins with `@` is a method of the world. With `fresh` each caller is a new user, since the request
    ends their session.
    """

    rule: str
    ok: int = 0
    json: Any = None
    files: Any = None
    query: str = ""
    headers: dict[str, str] = {}
    ids: dict[str, str] = {}
    differs: dict[str, int] = {}
    session: bool = False
    fresh: bool = False


def expected(entry: Entry, kind: Kind, ok: int) -> int:
    """The status that `kind` gets; `ok` where it is let through."""
    if kind.name in entry.differs:
        return entry.differs[kind.name]
    if entry.rule == "public":
        return ok
    if kind.credential != "session":
        return 401
    rule, _, least = entry.rule.partition(":")
    match rule:
        case "signed-in":
            return ok
        case "admin":
            return ok if kind.is_admin else 403
        case "mine":
            return ok if kind.name == "member" else 404
        case "person":
            return ok if kind.project_role or kind.role != "member" else 404
    role = kind.project_role or ("owner" if kind.is_admin else None)
    if role is None:
        return 404
    match rule:
        case "project":
            allowed = _RANK.index(role) >= _RANK.index(least)
        case "author":
            allowed = kind.name == "member"
        case "author-or-manager":
            allowed = kind.name == "member" or _RANK.index(role) >= _RANK.index("manager")
        case _:
            raise ValueError(f"There is no rule {entry.rule!r}")
    return ok if allowed else 403
