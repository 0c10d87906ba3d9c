"""Tables of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class User(Base):
    """A person. `is_person_only`: made by an import, without email and password, never able to sign in."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_username", text("lower(username)"), unique=True),
        Index("uq_users_email", text("lower(email)"), unique=True),
    )

    id: Mapped[UUID] = id_column()
    username: Mapped[str] = mapped_column(String(30))
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    first_name: Mapped[str] = mapped_column(String(50))
    last_name: Mapped[str] = mapped_column(String(50))
    role: Mapped[str] = mapped_column(String(10), default="member")
    phone: Mapped[str | None] = mapped_column(String(40))
    department: Mapped[str | None] = mapped_column(String(100))
    position: Mapped[str | None] = mapped_column(String(100))
    bio: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    theme: Mapped[str] = mapped_column(String(10), default="system")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    is_person_only: Mapped[bool] = mapped_column(Boolean, default=False)
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    # the picture's key in the storage; another picture has another
    avatar_key: Mapped[str | None] = mapped_column(String(100))
    password_changed_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    # encrypted; good once `totp_confirmed_at` is set. `totp_last_step` is the time step of the last code taken
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    email_mfa_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_login_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    deactivated_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    # the account is gone; the row stays for what it wrote, under the name "Deleted user"
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))


class Session(Base):
    """One sign-in on one device; access tokens name it, and end with it."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = id_column()
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    last_used_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    ip: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None] = mapped_column(String(300))
    # how the user proved who they are: password, totp, email, recovery_code, oidc; oidc_mfa is a second factor that
    # the provider vouches for
    methods: Mapped[list[str]] = mapped_column(ARRAY(String(20)), default=list, server_default=text("'{}'"))


class RefreshToken(Base):
    """A link of a session's chain of refresh tokens, stored hashed; used once, apart from the grace period."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class SecurityEvent(Base):
    """Append-only record of what touches security."""

    __tablename__ = "security_events"
    __table_args__ = (
        Index("ix_security_events_user", "user_id", "created_at"),
        Index("ix_security_events_type", "type", "created_at"),
        Index("ix_security_events_ip", "ip", "created_at"),
        # who did it to another
        Index("ix_security_events_by", text("(detail ->> 'by')"), "created_at",
              postgresql_where=text("(detail ->> 'by') IS NOT NULL")),
        Index("ix_security_events_tried", text("lower(username_tried)"), "created_at",
              postgresql_where=text("username_tried IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    type: Mapped[str] = mapped_column(String(40))
    # no foreign key: the record outlives the user
    user_id: Mapped[UUID | None]
    username_tried: Mapped[str | None] = mapped_column(String(254))
    ip: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None] = mapped_column(String(300))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)


class RecoveryCode(Base):
    """A code for when the second factor is lost; good once. Codes have 140 random bits, so a plain hash would do."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class MfaChallenge(Base):
    """A sign-in between the password and the second factor, known by the hash of its token."""

    __tablename__ = "mfa_challenges"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # how the first factor was proved: password or oidc, and then by which provider
    first_method: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str | None] = mapped_column(String(40))
    methods: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    # the device, when it has signed in as this user before: its failures are counted apart from strangers'
    device_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)


class EmailCode(Base):
    """The six digits that were mailed last; a keyed hash, since there are only a million."""

    __tablename__ = "email_codes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    # what it is for: a sign-in, or turning codes by mail on
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)


class MfaRole(Base):
    """A global role whose accounts must use a second factor."""

    __tablename__ = "mfa_roles"

    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    required_since: Mapped[datetime] = mapped_column(DateTimeUTC)
    required_by: Mapped[UUID | None]


class OneTimeLink(Base):
    """A link that was mailed: to set a password, or to take over a new address. Used once, stored hashed."""

    __tablename__ = "one_time_links"
    __table_args__ = (Index("ix_one_time_links_user", "user_id", "purpose"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(20))
    # the address that it was sent to
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class ApiToken(Base):
    """A personal token for scripts; `prefix` is its beginning, by which people know it again."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = id_column()
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(10)))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_used_ip: Mapped[str | None] = mapped_column(INET)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class ExternalIdentity(Base):
    """An account elsewhere that signs in as a user: known by issuer and subject only, never by address."""

    __tablename__ = "external_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = id_column()
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(40))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    # as the provider told it, for people to know it by
    email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class ExternalSignIn(Base):
    """A sign-in that is on its way through a provider; its state comes back once, in the browser that began it."""

    __tablename__ = "external_sign_ins"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    provider: Mapped[str] = mapped_column(String(40))
    # encrypted: nonce, PKCE verifier, and where to go afterwards
    secrets: Mapped[bytes] = mapped_column(LargeBinary)
    # the browser's cookie
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    # who links an account; null for a sign-in
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)


class LoginThrottle(Base):
    """Failed sign-ins of one account (or of a name that none has), and until when the next one waits.

    `key_hash` is a keyed hash of the account, or of the account and a device that has signed in before.
    """

    __tablename__ = "login_throttles"

    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_failure_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(DateTimeUTC)
