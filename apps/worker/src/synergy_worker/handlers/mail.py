"""Jobs of mail."""

from __future__ import annotations

from synergy_platform.jobs import IoHandler
from synergy_platform.mail.outbox import SEND_MAIL, send_mail

# longer than the mailer's own limits, so that a slow server is a delay and no failure
HANDLERS = (IoHandler(name=SEND_MAIL, function=send_mail, soft_timeout=90),)
