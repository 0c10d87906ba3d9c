"""Mail: what a mail is, and the ways out: by SMTP, into a folder (development) or onto the log (console).

`mail.outbox` keeps mails in the database until they are out.
"""

from synergy_platform.mail.mailers import (
    ConsoleMailer,
    FolderMailer,
    MailDelayed,
    Mailer,
    MailRefused,
    SmtpMailer,
    make_mailer,
)
from synergy_platform.mail.message import Mail, encode_mail, one_line

__all__ = [
    "ConsoleMailer",
    "FolderMailer",
    "Mail",
    "MailDelayed",
    "MailRefused",
    "Mailer",
    "SmtpMailer",
    "encode_mail",
    "make_mailer",
    "one_line",
]
