"""Mails, preferences, and what folding and digests need of a notification: all of it unknown to the code of 0002."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("recipient_id", sa.UUID(), nullable=True),
        sa.Column("to_address", sa.String(length=254), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_created", "mails", ["created_at", "id"], unique=False)
    op.create_index("ix_mails_state", "mails", ["state", "created_at", "id"], unique=False)
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("channels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(length=6), nullable=False),
        sa.Column("digest_time", sa.Time(), nullable=False),
        sa.Column("digest_weekday", sa.SmallInteger(), nullable=False),
        sa.Column("last_digest_on", sa.Date(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notification_preferences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notification_preferences")),
    )
    op.create_index(
        "ix_notification_preferences_digest",
        "notification_preferences",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("digest <> 'never'"),
    )
    # constant defaults rewrite no row
    op.add_column("notifications", sa.Column("object_key", sa.String(length=120), nullable=True))
    op.add_column("notifications", sa.Column("is_listed", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("notifications", sa.Column("awaits_digest", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("notifications", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_notifications_object",
        "notifications",
        ["recipient_id", "object_key", "created_at"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index(
        "ix_notifications_digest",
        "notifications",
        ["recipient_id"],
        unique=False,
        postgresql_where=sa.text("awaits_digest"),
    )


def downgrade() -> None:
    op.drop_index("ix_notifications_digest", "notifications")
    op.drop_index("ix_notifications_object", "notifications")
    for column in ("updated_at", "awaits_digest", "is_listed", "object_key"):
        op.drop_column("notifications", column)
    op.drop_table("notification_preferences")
    op.drop_table("mails")
