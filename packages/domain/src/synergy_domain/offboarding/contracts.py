"""What deleting and linking take."""

from __future__ import annotations

from uuid import UUID

import msgspec

from synergy_domain.identity import Password


class AccountDeletion(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How an account goes: `transfer_to` is who gets the projects that it owns."""

    transfer_to: UUID | None = None


class OwnDeletion(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How one's own account goes; `password` confirms it, and is null for accounts that have none."""

    password: Password | None
    transfer_to: UUID | None = None


class PersonLink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The account that a person without one is."""

    user_id: UUID
