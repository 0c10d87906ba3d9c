"""Mail: by SMTP, into a folder (development) or onto the log (console)."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol

import aiosmtplib
import msgspec
import structlog

from synergy_platform.clock import Clock
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger(__name__)

SMTP_TIMEOUT_SECONDS = 20


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person; `id` makes its Message-ID, so that a repeated sending can be recognised."""

    id: str
    to: str
    subject: str
    text: str
    html: str | None = None


class Mailer(Protocol):
    """Sends one mail, or raises so that the caller tries again later."""

    async def send(self, mail: Mail) -> None:
        """Send it."""
        ...


def build_message(mail: Mail, sender: str, clock: Clock) -> EmailMessage:
    """The mail as RFC 5322 text; a line break in a header is refused by the email package."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(idstring=mail.id, domain="synergyos")
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


class SmtpMailer:
    """Sends through an SMTP server."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Send it; raises aiosmtplib.SMTPException or OSError when the server does not take it."""
        settings = self._settings
        await aiosmtplib.send(
            build_message(mail, settings.email_from, self._clock),
            hostname=settings.email_host,
            port=settings.email_port,
            start_tls=settings.email_use_tls,
            username=settings.email_user or None,
            password=settings.email_password or None,
            timeout=SMTP_TIMEOUT_SECONDS,
        )


class FolderMailer:
    """Writes each mail as an .eml file; a mail sent twice is one file."""

    def __init__(self, folder: Path, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Write it."""
        content = bytes(build_message(mail, self._sender, self._clock))
        await asyncio.to_thread(self._write, mail.id, content)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}.eml").write_bytes(content)


class ConsoleMailer:
    """Logs that a mail would go out; its text is not logged, since it may hold a link that signs in."""

    async def send(self, mail: Mail) -> None:
        """Log it."""
        log.info("mail.printed", mail_id=mail.id, subject=mail.subject)


def make_mailer(settings: Settings, clock: Clock) -> Mailer:
    """The mailer that the settings name."""
    match settings.mail_backend:
        case "smtp":
            return SmtpMailer(settings, clock)
        case "folder":
            return FolderMailer(settings.home_path / "mail", settings.email_from, clock)
        case "console":
            return ConsoleMailer()
