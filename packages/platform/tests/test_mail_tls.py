"""STARTTLS: a mail goes out only to a server whose certificate is trusted, and never in clear text instead."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime

import msgspec
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from synergy_platform.embedded.process import free_port
from synergy_platform.mail import Mail, MailDelayed, SmtpMailer

MAIL = Mail(
    to="ada@example.org", subject="Hello", text="Plain", html="<p>Rich</p>", kind="test",
    written_at=datetime(2026, 3, 1, tzinfo=UTC),
)  # fmt: skip


class Office:
    """Notes whether a mail came encrypted, and who signed in."""

    def __init__(self) -> None:
        self.encrypted: list[bool] = []
        self.signed_in: list[str] = []

    async def handle_DATA(self, _server, session, _envelope):  # noqa: N802 - aiosmtpd's own name
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def authenticate(self, _server, session, _envelope, _mechanism, data):
        assert session.ssl is not None
        self.signed_in.append(data.login.decode())
        return AuthResult(success=True)


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
async def send(settings, authority):
    """Send a mail by `EMAIL_USE_TLS` to a server with a certificate for this name, or with none."""

    async def send_one(name: str | None, **changes):
        office, port = Office(), free_port()
        context = None
        if name is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(context)

        def connected():
            return SMTP(
                office, hostname="post.test", tls_context=context, authenticator=office.authenticate,
                loop=asyncio.get_running_loop(),
            )  # fmt: skip

        server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", port)
        own = msgspec.structs.replace(
            settings, email_host="127.0.0.1", email_port=port, email_use_tls=True,
            email_from="SynergyOS <no-reply@pm.example.org>", **changes,
        )  # fmt: skip
        try:
            await SmtpMailer(own, timeout=5).send(MAIL)
        finally:
            server.close()
        return office

    return send_one


@pytest.fixture
def trusted(authority, monkeypatch, tmp_path):
    """The authority is one of this machine's, as an operator makes it one."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.mark.usefixtures("trusted")
async def test_send_to_a_trusted_server_is_encrypted_and_signs_in_behind_that(send):
    office = await send("127.0.0.1", email_user="synergy", email_password="secret of the post")
    assert (office.encrypted, office.signed_in) == ([True], ["synergy"])


async def test_send_to_a_server_of_an_unknown_authority_is_delayed(send):
    with pytest.raises(MailDelayed, match="certificate verify failed"):
        await send("127.0.0.1")


@pytest.mark.usefixtures("trusted")
async def test_send_to_a_server_with_the_certificate_of_another_name_is_delayed(send):
    with pytest.raises(MailDelayed, match=r"not valid for '127\.0\.0\.1'"):
        await send("mail.example.org")


async def test_send_to_a_server_without_starttls_is_delayed_and_not_sent_in_clear(send):
    with pytest.raises(MailDelayed, match="STARTTLS"):
        await send(None, email_user="synergy", email_password="secret of the post")
