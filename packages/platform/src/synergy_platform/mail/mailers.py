"""The ways out of the system for a mail."""

from __future__ import annotations

import asyncio
import contextlib
import time
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib
import structlog

from synergy_platform.mail.message import Mail, encode_mail, wire_address
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger(__name__)

SMTP_TIMEOUT_SECONDS = 20.0
SMTP_PAUSE_SECONDS = 10.0


class MailDelayed(Exception):
    """The mail could not be handed over now, through no fault of its own: try again later."""


class MailRefused(Exception):
    """The server will not take this mail or its address, now or later; the message holds its code and text."""


class Mailer(Protocol):
    """Hands one mail over."""

    async def send(self, mail: Mail) -> None:
        """Send it; raises MailDelayed or MailRefused."""
        ...


def smtp_client(settings: Settings, timeout: float) -> aiosmtplib.SMTP:
    """A client of the mail server that the settings name, not connected yet."""
    return aiosmtplib.SMTP(
        hostname=settings.email_host,
        port=settings.email_port,
        start_tls=settings.email_use_tls,
        username=settings.email_user or None,
        password=settings.email_password or None,
        # else the machine's own name is asked of the DNS, for each mail
        local_hostname=urlsplit(settings.public_url).hostname,
        timeout=timeout,
    )


class SmtpMailer:
    """Sends through an SMTP server; a step may take `timeout` seconds at most, the whole three times that.

    A refusal for good (5xx) of the address or of the content is the mail's own. Refusals before that, of the greeting,
    of the sign-in or of our own address, say that this installation is set up wrongly, and no mail is lost for it.

    After a server was too slow, nothing is tried for `pause` seconds: else all mails that wait would hang there one
    after the other, and whatever else a process sends would wait behind them.
    """

    def __init__(
        self, settings: Settings, timeout: float = SMTP_TIMEOUT_SECONDS, pause: float = SMTP_PAUSE_SECONDS
    ) -> None:
        self._settings = settings
        self._timeout = timeout
        self._pause = pause
        self._paused_until = 0.0

    async def send(self, mail: Mail) -> None:
        """Send it; raises MailDelayed or MailRefused."""
        if time.monotonic() < self._paused_until:
            raise MailDelayed("Not tried: the mail server was too slow a moment ago.")
        client = smtp_client(self._settings, self._timeout)
        try:
            async with asyncio.timeout(3 * self._timeout):
                await self._hand_over(client, mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            raise _judged(refusal.code, refusal.message) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error.code, error.message) from error
        except aiosmtplib.SMTPResponseException as error:
            raise MailDelayed(f"{type(error).__name__}: {error.code} {error.message}") from error
        # those of the connection are OSErrors too, so is what TLS says; a time-out may have no text of its own
        except (aiosmtplib.SMTPException, OSError) as error:
            if isinstance(error, TimeoutError):
                self._paused_until = time.monotonic() + self._pause
            raise MailDelayed(f"{type(error).__name__}: {error}") from error
        else:
            # the server has taken it: how the farewell goes changes nothing
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=min(self._timeout, 2.0))
        finally:
            client.close()

    async def _hand_over(self, client: aiosmtplib.SMTP, mail: Mail) -> None:
        content, recipient = encode_mail(mail, self._settings.email_from), wire_address(mail.to)
        options: list[str] = []
        await client.connect()
        if not recipient.isascii():
            await client.ehlo()
            if not client.supports_extension("smtputf8"):
                raise MailRefused("The mail server does not take addresses with letters beyond ASCII (SMTPUTF8).")
            options.append("SMTPUTF8")
        sender = parseaddr(self._settings.email_from)[1]
        await client.sendmail(sender, [recipient], content, mail_options=options)


class FolderMailer:
    """Writes each mail as an .eml file; a mail sent twice is one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Write it; raises MailDelayed."""
        content = encode_mail(mail, self._sender)
        try:
            await asyncio.to_thread(self._write, self.path(mail.id), content)
        except OSError as error:
            raise MailDelayed(f"{type(error).__name__}: {error}") from error

    def path(self, mail_id: UUID) -> Path:
        """The file of a mail; it need not be there."""
        return self._folder / f"{mail_id}.eml"

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class ConsoleMailer:
    """Logs that a mail would go out; its text is not logged, since it may hold a link that signs in."""

    async def send(self, mail: Mail) -> None:
        """Log it."""
        log.info("mail.printed", mail_id=str(mail.id), subject=mail.subject)


def make_mailer(settings: Settings) -> Mailer:
    """The mailer that the settings name."""
    match settings.mail_backend:
        case "smtp":
            return SmtpMailer(settings)
        case "folder":
            return FolderMailer(settings.home_path / "mail", settings.email_from)
        case "console":
            return ConsoleMailer()


def _judged(code: int, text: str) -> MailDelayed | MailRefused:
    """What an answer about the mail itself means."""
    sentence = f"{code} {text}"
    return MailRefused(sentence) if 500 <= code < 600 else MailDelayed(sentence)
