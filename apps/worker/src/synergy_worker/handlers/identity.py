"""Jobs of the identity domain."""

from __future__ import annotations

from synergy_domain import identity
from synergy_domain.identity import mfa
from synergy_platform.jobs import JobHandler

HANDLERS = (
    JobHandler(name=identity.SEND_VERIFICATION, function=identity.send_verification),
    JobHandler(name=identity.SEND_PASSWORD_LINK, function=identity.send_password_link),
    JobHandler(name=mfa.MAIL_CODE, function=mfa.mail_code),
    JobHandler(name=identity.SEND_RESET, function=identity.send_reset),
    JobHandler(name=identity.SEND_EMAIL_CHANGE, function=identity.send_email_change),
    JobHandler(name=identity.SEND_SECURITY_MAIL, function=identity.send_security_mail),
)
