"""Single sign-on by OpenID Connect; docs/accounts.md tells what a browser sees of it."""

from synergy_domain.identity.oidc.contracts import (
    Answer,
    Begun,
    HalfSignedIn,
    IdentityView,
    Linked,
    LinkInput,
    LinkView,
    SignedIn,
)
from synergy_domain.identity.oidc.errors import ProviderUnavailable, SignInRefused, UnknownProvider
from synergy_domain.identity.oidc.flow import LIFETIME, begin, begin_link, finish, is_own_page
from synergy_domain.identity.oidc.identities import list_identities, unlink_identity
from synergy_domain.identity.oidc.provider import Providers
from synergy_domain.identity.oidc.repository import delete_expired_sign_ins

__all__ = [
    "LIFETIME",
    "Answer",
    "Begun",
    "HalfSignedIn",
    "IdentityView",
    "LinkInput",
    "LinkView",
    "Linked",
    "ProviderUnavailable",
    "Providers",
    "SignInRefused",
    "SignedIn",
    "UnknownProvider",
    "begin",
    "begin_link",
    "delete_expired_sign_ins",
    "finish",
    "is_own_page",
    "list_identities",
    "unlink_identity",
]
