"""Jobs of mail."""

from __future__ import annotations

from synergy_platform.jobs import IoHandler
from synergy_platform.mail.outbox import SEND_MAIL, SEND_SEALED_MAIL, send_mail

# longer than the mailer's own limits, so that a slow server is a delay and no failure
HANDLERS = tuple(IoHandler(name=name, function=send_mail, soft_timeout=90) for name in (SEND_SEALED_MAIL, SEND_MAIL))
