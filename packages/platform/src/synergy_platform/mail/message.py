"""A mail, and its form on the wire (RFC 5322)."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from uuid import UUID

import msgspec

from synergy_platform.ids import new_id

_SUBJECT_LENGTH = 200


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one address.

    `id` and `written_at` make Message-ID and Date, so that a mail that is sent again is the same mail. `kind` says what
    it is for (`verification`, `digest`, …) and `recipient_id` whose it is; `headers` are added to the usual ones.
    """

    to: str
    subject: str
    text: str
    kind: str
    written_at: datetime
    html: str | None = None
    headers: dict[str, str] = {}
    recipient_id: UUID | None = None
    id: UUID = msgspec.field(default_factory=new_id)


def one_line(text: str, length: int = _SUBJECT_LENGTH) -> str:
    """`text` without line breaks and other control characters, shortened to `length` characters: fit for a header."""
    printable = "".join(" " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign for sign in text)
    joined = " ".join(printable.split())
    return joined if len(joined) <= length else joined[: length - 1].rstrip() + "…"


class _WirePolicy(EmailPolicy):
    """Does not fold headers that are one long word, such as an address of the web: they would come out encoded."""

    def fold_binary(self, name: str, value: Any) -> bytes:  # noqa: ANN401 - a header of the email package
        text = str(value)
        if text.isascii() and " " not in text:
            return f"{name}: {text}{self.linesep}".encode()
        return super().fold_binary(name, value)


_POLICY = _WirePolicy(linesep="\r\n")


def encode_mail(mail: Mail, sender: str) -> bytes:
    """The mail as it goes over the wire; the email package refuses a line break in a header with ValueError."""
    recipient = wire_address(mail.to)
    message = EmailMessage(_POLICY.clone(utf8=not recipient.isascii()))
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.written_at)
    message["Message-ID"] = f"<{mail.id}@{sender_domain(sender)}>"
    # nobody's vacation notice need answer
    message["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers.items():
        message[name] = value
    # seven bits, which every server takes
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        # else random: the same mail is the same bytes
        message.set_boundary(f"part-{mail.id.hex}")
    return message.as_bytes()


def sender_domain(sender: str) -> str:
    """The domain of a sender such as `SynergyOS <noreply@example.org>`."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def wire_address(address: str) -> str:
    """The address as mail servers write it: a domain of any script in its ASCII form (IDNA)."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:  # no domain at all; the server will say so
        return address
