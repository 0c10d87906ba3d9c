"""A user whom every column that can name a user names."""

from __future__ import annotations

import pytest

from synergy_domain import work
from synergy_domain.offboarding.references import REFERENCES
from synergy_domain.work import CommentInput, SubtaskChange, SubtaskInput
from synergy_platform.ids import new_id

# what the domain does not write on the way: a row for each, with `$1` the user and `$2` a project of theirs
_ROWS = """
    INSERT INTO admin_accesses (user_id, project_id, hour) VALUES ($1, $2, now());
    INSERT INTO api_tokens (id, user_id, name, prefix, token_hash, scopes, created_at)
        VALUES ($3, $1, 'script', 'syn_abc', $4, '{read}', now());
    INSERT INTO email_codes (user_id, purpose, code_hash, attempts, created_at, expires_at)
        VALUES ($1, 'sign_in', $4, 0, now(), now());
    INSERT INTO external_identities (id, user_id, provider, issuer, subject, created_at)
        VALUES ($3, $1, 'p', 'https://id.example.org', $3::uuid::text, now());
    INSERT INTO external_sign_ins (state_hash, provider, secrets, browser_hash, user_id, created_at, expires_at)
        VALUES ($4, 'p', $4, $4, $1, now(), now());
    INSERT INTO idempotency_keys (user_id, key_hash, fingerprint, status, headers, body, created_at)
        VALUES ($1, $4, $4, 200, '{}', '', now());
    INSERT INTO imports (id, user_id, source, dry_run, mapping, status, progress, created_at)
        VALUES ($3, $1, 'trello', false, '{}', 'completed', 100, now());
    INSERT INTO invitations (id, project_id, email, role, token_hash, invited_by, created_at, sent_at, expires_at)
        VALUES ($3, $2, $3::uuid::text || '@example.org', 'member', $4, $1, now(), now(), now());
    INSERT INTO invitations (id, project_id, email, role, token_hash, invited_by, created_at, sent_at, expires_at,
                             accepted_at, accepted_by)
        VALUES (gen_random_uuid(), $2, 'them@example.org', 'member', $3::uuid::text::bytea, $5, now(), now(), now(),
                now(), $1);
    INSERT INTO mails (id, recipient_id, to_address, kind, subject, state, attempts, created_at)
        VALUES ($3, $1, 'them@example.org', 'verification', 'Hello', 'sent', 1, now());
    INSERT INTO mfa_challenges (token_hash, user_id, first_method, methods, created_at, expires_at)
        VALUES ($4, $1, 'password', '{totp}', now(), now());
    INSERT INTO mfa_roles (role, required_since, required_by) VALUES (right($3::uuid::text, 10), now(), $1);
    INSERT INTO notification_preferences (user_id, channels, digest, digest_time, digest_weekday, updated_at)
        VALUES ($1, '{}', 'never', '09:00', 1, now());
    INSERT INTO notifications (id, recipient_id, type, title, message, data, source_key, created_at)
        VALUES ($3, $1, 'system', 'Hello', '', '{}', 'test', now());
    INSERT INTO one_time_links (token_hash, user_id, purpose, email, created_at, expires_at)
        VALUES ($4, $1, 'password_reset', 'them@example.org', now(), now());
    INSERT INTO recovery_codes (code_hash, user_id, created_at) VALUES ($4, $1, now());
    INSERT INTO security_events (id, type, user_id, detail, created_at) VALUES ($3, 'logout', $1, '{}', now());
    INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
        VALUES ($3, $1, now(), now(), now() + interval '1 day');
    INSERT INTO webhooks (id, project_id, name, url, events, secret, created_by, is_active, created_at, updated_at,
                          delivered_count, failed_count, consecutive_failures, version)
        VALUES ($3, $2, 'Chat', 'https://h.example.org', '{}', $4, $1, true, now(), now(), 0, 0, 0, 1);
    INSERT INTO attachments (id, task_id, uploader_id, name, media_type, size, sha256, file_key, created_at)
        SELECT $3, id, $1, 'a.txt', 'text/plain', 1, '', $3::uuid::text, now() FROM tasks WHERE project_id = $2 LIMIT 1;
    UPDATE project_members SET added_by = $1 WHERE project_id = $2 AND user_id <> $1
"""


class Busy:
    """Makes a user busy, and says what names them."""

    def __init__(self, make, runtime) -> None:
        self.make = make
        self.runtime = runtime

    async def member(self, *, project=None, owns: bool = False, **fields):
        """A user who did one of everything in a project; with `owns` it is theirs."""
        user = await self.make.user(**fields)
        project = project or await self.make.project(user if owns else None)
        other = await self.make.member(project) if owns else self.make.owner(project)
        async with self.runtime.database.unit_of_work() as uow:
            if not owns:
                await uow.value(
                    """INSERT INTO project_members (project_id, user_id, role, joined_at)
                       VALUES ($1, $2, 'member', now())""",
                    project.id, user.user_id,
                )  # fmt: skip
        task = await self.make.task(project, by=user, assignee_ids=[user.user_id], title="Water the trees")
        await self.make.task(project, by=other, assignee_ids=[user.user_id, other.user_id])
        async with self.runtime.database.unit_of_work() as uow:
            text = CommentInput(body=f"Done, @{user.username}")
            await work.add_comment(uow, user, str(task.id), text)
            subtask = await work.add_subtask(uow, user, str(task.id), SubtaskInput(title="x", assignee_id=user.user_id))
            await uow.flush()
            await work.change_subtask(uow, user, subtask.id, SubtaskChange(is_completed=True))
        await self._rows(user, project, other)
        return user, project, task

    async def _rows(self, user, project, other) -> None:
        async with self.runtime.database.unit_of_work() as uow:
            await uow.value(
                """INSERT INTO events (id, type, version, occurred_at, actor_id, recipient_id, object_type, object_id,
                                       quiet, data)
                   VALUES ($1, 'user.registered', 1, now(), $2, $2, 'user', $2, false,
                           jsonb_build_object('username', $3::text))""",
                new_id(), user.user_id, user.username,
            )  # fmt: skip
            for statement in _ROWS.split(";"):
                values = [user.user_id, project.id, new_id(), new_id().bytes, other.user_id]
                await uow.value(*_numbered(statement, values))

    async def naming(self, user_id) -> dict[str, int]:
        """How many rows of each column name the user."""
        reader = self.runtime.database.reader()
        found: dict[str, int] = {}
        for reference in REFERENCES:
            test = "::text LIKE '%' || $1 || '%'" if reference.column == "data" else "::text = $1"
            found[f"{reference.table}.{reference.column}"] = await reader.value(
                f"SELECT count(*) FROM {reference.table} WHERE {reference.column}{test}",  # noqa: S608 - our own names
                str(user_id),
            )
        return found


def _numbered(statement: str, values: list[object]) -> tuple[object, ...]:
    """The statement with only the parameters that it uses."""
    used = [number for number in range(1, len(values) + 1) if f"${number}" in statement]
    for place, number in enumerate(used, start=1):
        statement = statement.replace(f"${number}", f"${place}")
    return statement, *(values[number - 1] for number in used)


@pytest.fixture
def busy(make, runtime):
    return Busy(make, runtime)
