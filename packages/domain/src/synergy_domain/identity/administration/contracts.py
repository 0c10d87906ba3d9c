"""What the administration of accounts takes and gives."""

from __future__ import annotations

from datetime import datetime

import msgspec

from synergy_domain.common.actor import GlobalRole
from synergy_domain.identity.contracts import Email, Name, Username, UserView


class AdminUserView(UserView, kw_only=True):
    """An account, as administrators see it.

    `is_person_only`: made by an import, without address and password; it can be linked to a real account.
    `has_second_factor`: whether the user set one up.
    """

    is_person_only: bool
    has_second_factor: bool
    deactivated_at: datetime | None


class NewUser(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account made by an administrator; its user gets a link to set a password."""

    username: Username
    email: Email
    first_name: Name
    last_name: Name
    role: GlobalRole = "member"


class UserChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What administrators change of an account; absent fields stay."""

    role: GlobalRole | msgspec.UnsetType = msgspec.UNSET
    username: Username | msgspec.UnsetType = msgspec.UNSET
    email: Email | msgspec.UnsetType = msgspec.UNSET
    first_name: Name | msgspec.UnsetType = msgspec.UNSET
    last_name: Name | msgspec.UnsetType = msgspec.UNSET


class UserQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of accounts; deleted ones are in none."""

    text: str | None = None
    roles: frozenset[GlobalRole] = frozenset()
    is_active: bool | None = None
    is_person_only: bool | None = None
    sort: str = "username"
    cursor: str | None = None
    limit: int = 50
    count: bool = False
