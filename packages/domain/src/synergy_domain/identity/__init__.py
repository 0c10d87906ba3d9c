"""Identity: accounts, sessions and tokens, security events. `administration` is what administrators do."""

from synergy_domain.identity.accounts import (
    SEND_VERIFICATION,
    change_profile,
    create_account,
    my_profile,
    register,
    send_verification,
    verify_email,
)
from synergy_domain.identity.administration import SEND_PASSWORD_LINK, send_password_link
from synergy_domain.identity.contracts import (
    Credentials,
    IssuedTokens,
    ProfileChange,
    RefreshInput,
    Registration,
    SignInView,
    UserSummary,
    UserView,
    VerifyEmailInput,
)
from synergy_domain.identity.repository import delete_expired_sessions
from synergy_domain.identity.security_events import (
    SecurityEventQuery,
    SecurityEventType,
    SecurityEventView,
    export_security_events,
    list_security_events,
)
from synergy_domain.identity.sessions import (
    Authenticator,
    Client,
    is_session_alive,
    refresh,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "SEND_PASSWORD_LINK",
    "SEND_VERIFICATION",
    "Authenticator",
    "Client",
    "Credentials",
    "IssuedTokens",
    "ProfileChange",
    "RefreshInput",
    "Registration",
    "SecurityEventQuery",
    "SecurityEventType",
    "SecurityEventView",
    "SignInView",
    "UserSummary",
    "UserView",
    "VerifyEmailInput",
    "change_profile",
    "create_account",
    "delete_expired_sessions",
    "export_security_events",
    "is_session_alive",
    "list_security_events",
    "my_profile",
    "refresh",
    "register",
    "send_password_link",
    "send_verification",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "verify_email",
]
