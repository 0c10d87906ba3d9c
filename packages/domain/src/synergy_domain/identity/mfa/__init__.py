"""Two-factor: authenticator apps, codes by mail, recovery codes, and which roles need one."""

from synergy_domain.identity.mfa.challenge import CHALLENGE_LIFETIME, complete_sign_in, send_sign_in_code
from synergy_domain.identity.mfa.contracts import (
    CodeInput,
    MfaRoles,
    MfaTokenInput,
    MfaView,
    OwnPassword,
    RecoveryCodes,
    SecondFactor,
    TotpSetUp,
)
from synergy_domain.identity.mfa.email_codes import MAIL_CODE, mail_code
from synergy_domain.identity.mfa.enrolment import (
    begin_email,
    begin_totp,
    confirm_email,
    confirm_totp,
    my_factors,
    renew_recovery_codes,
    renew_secrets,
    reset_by_operator,
    reset_factors,
    turn_email_off,
    turn_totp_off,
)
from synergy_domain.identity.mfa.errors import InvalidMfaToken
from synergy_domain.identity.mfa.repository import delete_expired, end_challenges
from synergy_domain.identity.mfa.roles import require_roles, required_roles, set_required_roles

__all__ = [
    "CHALLENGE_LIFETIME",
    "MAIL_CODE",
    "CodeInput",
    "InvalidMfaToken",
    "MfaRoles",
    "MfaTokenInput",
    "MfaView",
    "OwnPassword",
    "RecoveryCodes",
    "SecondFactor",
    "TotpSetUp",
    "begin_email",
    "begin_totp",
    "complete_sign_in",
    "confirm_email",
    "confirm_totp",
    "delete_expired",
    "end_challenges",
    "mail_code",
    "my_factors",
    "renew_recovery_codes",
    "renew_secrets",
    "require_roles",
    "required_roles",
    "reset_by_operator",
    "reset_factors",
    "send_sign_in_code",
    "set_required_roles",
    "turn_email_off",
    "turn_totp_off",
]
