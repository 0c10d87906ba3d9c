"""The kinds of callers, and what a rule means for each: the product's rules said a second time, without its code."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ProjectRole = Literal["viewer", "member", "manager", "owner"]
Scope = Literal["read", "write", "admin"]
Credential = Literal["none", "session", "token", "revoked", "deactivated"]

_RANK = ("viewer", "member", "manager", "owner")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of caller: global role, role in the project, and what they show to prove it.

    `scopes` are those of a personal token; `like` is the caller whose exceptions hold for this one too.
    """

    name: str
    project_role: ProjectRole | None = None
    role: Literal["member", "manager", "admin"] = "member"
    credential: Credential = "session"
    scopes: frozenset[Scope] = frozenset()
    verified: bool = True
    like: str | None = None

    @property
    def is_signed_in(self) -> bool:
        """Whether what they show is good."""
        return self.credential in {"session", "token"}

    @property
    def is_admin(self) -> bool:
        """Whether they run the instance, and their token lets them."""
        return self.role == "admin" and (self.credential != "token" or "admin" in self.scopes)

    def lacks_scope(self, *, session: bool, of_admins: bool, reads: bool) -> bool:
        """Whether the token does not reach as far as that."""
        if self.credential != "token":
            return False
        if session:
            return True
        if of_admins:
            return "admin" not in self.scopes
        return not self.scopes & ({"read", "write"} if reads else {"write"})


_ALL_SCOPES: frozenset[Scope] = frozenset({"read", "write", "admin"})


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
    Kind(name="read_token", project_role="manager", credential="token", scopes=frozenset({"read"})),
    Kind(name="write_token", project_role="manager", credential="token", scopes=frozenset({"write"})),
    # whose maker is no administrator any more
    Kind(name="lapsed_token", project_role="manager", credential="token", scopes=_ALL_SCOPES),
    Kind(name="admin_write_token", role="admin", credential="token", scopes=frozenset({"write"}), like="stranger"),
    Kind(name="admin_token", role="admin", credential="token", scopes=_ALL_SCOPES, like="admin"),
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


def expected(entry: Entry, kind: Kind, ok: int, *, reads: bool) -> int:
    """The status that `kind` gets; `ok` where it is let through. `reads`: by a method that changes nothing."""
    if entry.rule != "public" and kind.lacks_scope(session=entry.session, of_admins=entry.rule == "admin", reads=reads):
        return 403
    for name in (kind.name, kind.like):
        if name in entry.differs:
            return entry.differs[name]
    if entry.rule == "public":
        return ok
    return (_refusal(entry, kind) or ok) if kind.is_signed_in else 401


def _refusal(entry: Entry, kind: Kind) -> int | None:
    """Why somebody who is signed in is refused, if they are."""
    rule, _, least = entry.rule.partition(":")
    match rule:
        case "signed-in":
            return None
        case "admin":
            return None if kind.is_admin else 403
        case "mine":
            return None if kind.name == "member" else 404
        case "person":
            return None if kind.project_role or kind.role != "member" else 404
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
    return None if allowed else 403
