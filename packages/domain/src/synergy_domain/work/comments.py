"""The verbs of comments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from synergy_domain.common import Actor, PersonView, expect_version, mentioned_usernames, render_markdown
from synergy_domain.projects import ACCESS_COLUMNS, Access, require, to_access
from synergy_domain.work import policy, repository
from synergy_domain.work.contracts import CommentInput, CommentView
from synergy_domain.work.errors import CommentNotFound, TaskNotFound
from synergy_domain.work.events import CommentCreated, CommentDeleted, CommentUpdated
from synergy_domain.work.models import Comment
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput
from synergy_platform.pagination import Cursors, Page, make_page

_SORT = "created_at"
_EXCERPT = 160
_SELECT = """
    SELECT c.id, c.task_id, c.body, c.body_html, c.edited_at, c.created_at, c.version,
           u.id AS author_id, u.username, u.first_name || ' ' || u.last_name AS name
    FROM comments c JOIN users u ON u.id = c.author_id
"""


async def list_comments(
    db: Reader, cursors: Cursors, actor: Actor, reference: str, *, cursor: str | None, limit: int
) -> Page[CommentView]:
    """The comments of a task, the oldest first."""
    found = await repository.find_task_access(db, actor, reference)
    if found is None:
        raise TaskNotFound
    after = (None, None) if cursor is None else tuple(cursors.decode(_SORT, cursor, (datetime, UUID)))
    rows = await db.rows(
        f"""{_SELECT} WHERE c.task_id = $1 AND c.deleted_at IS NULL
            AND ($2::timestamptz IS NULL OR (c.created_at, c.id) > ($2, $3))
            ORDER BY c.created_at, c.id LIMIT $4""",
        found[0], *after, limit + 1,
    )  # fmt: skip
    comments = [_to_view(row) for row in rows]
    return make_page(comments, limit, lambda last: cursors.encode(_SORT, [last.created_at, last.id]), None)


async def add_comment(uow: UnitOfWork, actor: Actor, reference: str, data: CommentInput) -> CommentView:
    """Comment on a task; members who are mentioned are told."""
    found = await repository.find_task_access(uow, actor, reference)
    if found is None:
        raise TaskNotFound
    task_id, key, access = found
    require(access, policy.may_comment(access.role), "comment")
    body = _body(data)
    comment = Comment(
        task_id=task_id, author_id=actor.user_id, body=body, body_html=render_markdown(body), created_at=uow.now
    )
    uow.session.add(comment)
    await uow.flush()
    mentioned = await _mentioned_members(uow, access, mentioned_usernames(body))
    event = CommentCreated(
        object_id=comment.id, project_id=access.project_id, task_id=task_id, task_key=key,
        task_title=await _title(uow, task_id), excerpt=excerpt(body), mentioned_ids=mentioned,
    )  # fmt: skip
    uow.emit(event, by=actor.user_id)
    return await _view(uow, comment.id)


async def change_comment(
    uow: UnitOfWork, actor: Actor, comment_id: UUID, data: CommentInput, *, expected_version: int | None = None
) -> CommentView:
    """Edit one's own comment; only members who were not mentioned before are told."""
    comment, key, access = await _load(uow, actor, comment_id)
    require(access, policy.may_edit_comment(access.role, own=comment.author_id == actor.user_id), "edit this comment")
    await expect_version("comment", comment.version, expected_version, lambda: _view(uow, comment_id))
    body = _body(data)
    if body != comment.body:
        newly = mentioned_usernames(body) - mentioned_usernames(comment.body)
        comment.body, comment.body_html, comment.edited_at = body, render_markdown(body), uow.now
        await uow.flush()
        event = CommentUpdated(
            object_id=comment.id, project_id=access.project_id, task_id=comment.task_id, task_key=key,
            task_title=await _title(uow, comment.task_id), excerpt=excerpt(body),
            mentioned_ids=await _mentioned_members(uow, access, newly),
        )  # fmt: skip
        uow.emit(event, by=actor.user_id)
    return await _view(uow, comment.id)


async def delete_comment(
    uow: UnitOfWork, actor: Actor, comment_id: UUID, *, expected_version: int | None = None
) -> None:
    """Put a comment into the trash: one's own, or any as manager."""
    comment, key, access = await _load(uow, actor, comment_id)
    require(
        access, policy.may_delete_comment(access.role, own=comment.author_id == actor.user_id), "delete this comment"
    )
    await expect_version("comment", comment.version, expected_version, lambda: _view(uow, comment_id))
    comment.deleted_at = uow.now
    uow.emit(
        CommentDeleted(object_id=comment.id, project_id=access.project_id, task_id=comment.task_id, task_key=key),
        by=actor.user_id,
    )


def excerpt(body: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(body.split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1]}…"


async def _load(uow: UnitOfWork, actor: Actor, comment_id: UUID) -> tuple[Comment, str, Access]:
    row = await uow.row(
        f"""SELECT p.key || '-' || t.number AS key, {ACCESS_COLUMNS}
            FROM comments c JOIN tasks t ON t.id = c.task_id JOIN projects p ON p.id = t.project_id
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE c.id = $2 AND c.deleted_at IS NULL AND t.deleted_at IS NULL AND p.deleted_at IS NULL
              AND (m.role IS NOT NULL OR $3)""",  # noqa: S608 - constant columns
        actor.user_id, comment_id, actor.is_admin,
    )  # fmt: skip
    comment = await uow.session.get(Comment, comment_id, with_for_update=True) if row else None
    if row is None or comment is None or comment.deleted_at is not None:
        raise CommentNotFound
    return comment, row["key"], to_access(actor, row)


async def _mentioned_members(db: Reader, access: Access, usernames: set[str]) -> list[UUID]:
    if not usernames:
        return []
    rows = await db.rows(
        """SELECT u.id FROM users u JOIN project_members m ON m.user_id = u.id
           WHERE m.project_id = $1 AND lower(u.username) = ANY($2::text[]) AND u.is_active ORDER BY u.id""",
        access.project_id, sorted(usernames),
    )  # fmt: skip
    return [row["id"] for row in rows]


async def _title(db: Reader, task_id: UUID) -> str:
    return await db.value("SELECT title FROM tasks WHERE id = $1", task_id)


def _body(data: CommentInput) -> str:
    body = data.body.strip()
    if not body:
        raise InvalidInput.at("/body", "must not be empty", "too_short")
    return body


async def _view(db: Reader, comment_id: UUID) -> CommentView:
    row = await db.row(f"{_SELECT} WHERE c.id = $1", comment_id)
    if row is None:
        raise CommentNotFound
    return _to_view(row)


def _to_view(row: asyncpg.Record) -> CommentView:
    return CommentView(
        id=row["id"],
        task_id=row["task_id"],
        author=PersonView(id=row["author_id"], username=row["username"], name=row["name"]),
        body=row["body"],
        body_html=row["body_html"],
        edited_at=row["edited_at"],
        created_at=row["created_at"],
        version=row["version"],
    )
