"""SQL of deleting and linking: a fixed number of statements, however much somebody did."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

import asyncpg

from synergy_domain.offboarding.references import REFERENCES
from synergy_platform.database import Reader, UnitOfWork

# what is left of an account; its name reads "Deleted user"
LEFT: dict[str, str] = {
    "email": "NULL", "password_hash": "NULL", "first_name": "'Deleted'", "last_name": "'user'", "role": "'member'",
    "phone": "NULL", "department": "NULL", "position": "NULL", "bio": "NULL", "timezone": "'UTC'", "locale": "'en'",
    "theme": "'system'", "is_active": "false", "email_verified_at": "NULL", "avatar_key": "NULL",
    "password_changed_at": "NULL", "totp_secret": "NULL", "totp_confirmed_at": "NULL", "totp_last_step": "NULL",
    "email_mfa_at": "NULL", "last_login_at": "NULL",
}  # fmt: skip

# Where the new owner has a project of the same import, this one forgets where it came from.
_GIVE = """
    UPDATE projects p SET owner_id = $2, updated_at = $3, version = version + 1,
           import_source = CASE WHEN NOT EXISTS (
             SELECT 1 FROM projects o
             WHERE o.owner_id = $2 AND o.import_source = p.import_source AND o.deleted_at IS NULL
           ) THEN import_source END
    WHERE owner_id = $1 RETURNING id, name, deleted_at
"""
_RANK = "array_position(ARRAY['viewer', 'member', 'manager', 'owner'], {}.role::text)"


def _dropping() -> str:
    """One statement that empties what belongs to an account, and leaves what it did."""
    parts = [
        f"DELETE FROM {reference.table} WHERE {reference.column} = $1"
        if reference.on_delete == "drop"
        else f"UPDATE {reference.table} SET {reference.column} = NULL WHERE {reference.column} = $1"
        for reference in REFERENCES
        if reference.on_delete in {"drop", "clear"}
    ]
    return _together(parts)


def _moving() -> str:
    """One statement that has everything name `$2` in the place of `$1`, and drops what only one of them can have.

    A table stands in it once: of two changes of a row by one statement only the first would happen.
    """
    moved: defaultdict[str, list[str]] = defaultdict(list)
    for reference in REFERENCES:
        if reference.on_link == "move":
            moved[reference.table].append(reference.column)
    parts = [
        f"UPDATE {table} SET "
        + ", ".join(f"{column} = CASE WHEN {column} = $1 THEN $2 ELSE {column} END" for column in columns)
        + " WHERE "
        + " OR ".join(f"{column} = $1" for column in columns)
        for table, columns in moved.items()
    ]
    parts += [
        f"DELETE FROM {reference.table} WHERE {reference.column} = $1"
        for reference in REFERENCES
        if reference.on_link == "drop"
    ]
    return _together(parts)


def _together(parts: list[str]) -> str:
    steps = ", ".join(f"step_{number} AS ({part})" for number, part in enumerate(parts))
    return f"WITH {steps} SELECT 1"


DROP, MOVE = _dropping(), _moving()


async def lock_accounts(uow: UnitOfWork, *user_ids: UUID) -> dict[UUID, asyncpg.Record]:
    """Accounts that are not deleted, locked in one order; nobody adds anything that names them meanwhile."""
    rows = await uow.rows(
        """SELECT id, username, first_name || ' ' || last_name AS name, role, is_active, is_person_only FROM users
           WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL ORDER BY id FOR UPDATE""",
        list(user_ids),
    )
    return {row["id"]: row for row in rows}


async def owned_projects(db: Reader, user_id: UUID) -> list[asyncpg.Record]:
    """The projects that a user owns, but for those in the trash."""
    return await db.rows(
        "SELECT id, key, name FROM projects WHERE owner_id = $1 AND deleted_at IS NULL ORDER BY key", user_id
    )


async def leave_projects(uow: UnitOfWork, user_id: UUID) -> list[asyncpg.Record]:
    """End all memberships of a user; those of projects that are not in the trash, with the roles."""
    return await uow.rows(
        """WITH gone AS (DELETE FROM project_members WHERE user_id = $1 RETURNING project_id, role)
           SELECT gone.project_id, gone.role FROM gone JOIN projects p ON p.id = gone.project_id
           WHERE p.deleted_at IS NULL ORDER BY gone.project_id""",
        user_id,
    )


async def transfer_projects(uow: UnitOfWork, user_id: UUID, to: UUID, by: UUID) -> list[asyncpg.Record]:
    """Give all projects of a user, also those in the trash, to another one, who becomes a member where they are none.

    Returns those that are not in the trash, with `joined`. The user's own memberships must have ended.
    """
    return await uow.rows(
        f"""WITH given AS ({_GIVE}), owners AS (
             INSERT INTO project_members (project_id, user_id, role, joined_at, added_by)
             SELECT id, $2, 'owner', $3, $4 FROM given
             ON CONFLICT (project_id, user_id) DO UPDATE SET role = 'owner'
             RETURNING project_id, xmax = 0 AS joined
           )
           SELECT given.id, given.name, owners.joined FROM given JOIN owners ON owners.project_id = given.id
           WHERE given.deleted_at IS NULL ORDER BY given.id""",
        user_id, to, uow.now, by,
    )  # fmt: skip


async def drop_belongings(uow: UnitOfWork, user_id: UUID) -> None:
    """Sessions, tokens, factors, identities, notifications, assignments and the like."""
    await uow.value(DROP, user_id)


async def anonymise(uow: UnitOfWork, user_id: UUID, username: str) -> None:
    """Leave a row without a person for what they wrote; the ledger forgets their username too."""
    fields = ", ".join(f"{name} = {value}" for name, value in LEFT.items())
    await uow.value(
        f"""WITH ledger AS (
              UPDATE events SET data = data || jsonb_build_object('username', $2::text)
              WHERE object_type = 'user' AND object_id = $1 AND data ? 'username')
            UPDATE users SET {fields}, username = $2, deactivated_at = coalesce(deactivated_at, $3), deleted_at = $3,
                   updated_at = $3, version = version + 1
            WHERE id = $1""",
        user_id, username, uow.now,
    )  # fmt: skip


async def merge_memberships(uow: UnitOfWork, person_id: UUID, user_id: UUID) -> list[asyncpg.Record]:
    """Let the account have the person's memberships, with the higher role where both have one.

    Returns the projects that are not in the trash, with the roles of both before.
    """
    before = await uow.rows(
        """SELECT m.project_id, m.role AS person_role, a.role AS account_role
           FROM project_members m JOIN projects p ON p.id = m.project_id
           LEFT JOIN project_members a ON a.project_id = m.project_id AND a.user_id = $2
           WHERE m.user_id = $1 AND p.deleted_at IS NULL ORDER BY m.project_id FOR UPDATE OF m""",
        person_id, user_id,
    )  # fmt: skip
    await uow.value(
        f"""WITH gone AS (
              DELETE FROM project_members WHERE user_id = $1 RETURNING project_id, role, joined_at, added_by)
            INSERT INTO project_members AS m (project_id, user_id, role, joined_at, added_by)
            SELECT project_id, $2, role, joined_at, added_by FROM gone
            ON CONFLICT (project_id, user_id) DO UPDATE SET joined_at = least(m.joined_at, excluded.joined_at),
              role = CASE WHEN {_RANK.format("excluded")} > {_RANK.format("m")} THEN excluded.role ELSE m.role END""",
        person_id, user_id,
    )  # fmt: skip
    return before


async def move_everything(uow: UnitOfWork, person_id: UUID, user_id: UUID, username: str) -> None:
    """Have all that the person did and has name the account, whose username it is, and delete the person's row."""
    await uow.value(f"WITH given AS ({_GIVE}) SELECT 1", person_id, user_id, uow.now)
    await uow.value(
        """WITH gone AS (DELETE FROM task_assignees WHERE user_id = $1 RETURNING task_id)
           INSERT INTO task_assignees (task_id, user_id) SELECT task_id, $2 FROM gone ON CONFLICT DO NOTHING""",
        person_id, user_id,
    )  # fmt: skip
    await uow.value(MOVE, person_id, user_id)
    await uow.value(
        """UPDATE events SET actor_id = CASE WHEN actor_id = $1 THEN $2 ELSE actor_id END,
                  recipient_id = CASE WHEN recipient_id = $1 THEN $2 ELSE recipient_id END,
                  object_id = CASE WHEN object_id = $1 THEN $2 ELSE object_id END,
                  data = replace(data::text, $1::text, $2::text)::jsonb
                         || CASE WHEN object_id = $1 AND data ? 'username' THEN jsonb_build_object('username', $3::text)
                                 ELSE '{}' END
           WHERE actor_id = $1 OR recipient_id = $1 OR object_id = $1 OR data::text LIKE '%' || $1::text || '%'""",
        person_id, user_id, username,
    )  # fmt: skip
    # what would still name them has a foreign key, and stops this
    await uow.value("DELETE FROM users WHERE id = $1", person_id)
