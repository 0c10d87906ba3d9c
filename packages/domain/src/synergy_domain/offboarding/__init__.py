"""What becomes of people's work when their account goes, and when a person without one is linked to it."""

from synergy_domain.offboarding.contracts import AccountDeletion, OwnDeletion, PersonLink
from synergy_domain.offboarding.deleting import delete_me, delete_user
from synergy_domain.offboarding.linking import link_person

__all__ = ["AccountDeletion", "OwnDeletion", "PersonLink", "delete_me", "delete_user", "link_person"]
