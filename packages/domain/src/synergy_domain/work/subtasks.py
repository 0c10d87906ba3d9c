"""The verbs of subtasks: a task's checklist."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor, PersonView, expect_version
from synergy_domain.projects import ACCESS_COLUMNS as _ACCESS
from synergy_domain.projects import Access, require, to_access
from synergy_domain.work import policy, repository
from synergy_domain.work.contracts import SubtaskChange, SubtaskInput, SubtaskView
from synergy_domain.work.errors import SubtaskNotFound, TaskNotFound
from synergy_domain.work.events import SubtaskCreated, SubtaskDeleted, SubtaskUpdated
from synergy_domain.work.models import Subtask
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput

_PERSON = "json_build_object('id', u.id, 'username', u.username, 'name', u.first_name || ' ' || u.last_name)"
_SELECT = f"""
    SELECT s.id, s.task_id, s.title, s.group_name, s.is_completed, s.position, s.completed_at, s.created_at, s.version,
           (SELECT {_PERSON} FROM users u WHERE u.id = s.assignee_id)::text AS assignee,
           (SELECT {_PERSON} FROM users u WHERE u.id = s.completed_by)::text AS completed_by
    FROM subtasks s
"""  # noqa: S608 - constant columns
_person = msgspec.json.Decoder(PersonView)


async def list_subtasks(db: Reader, actor: Actor, reference: str) -> list[SubtaskView]:
    """The checklist in order."""
    found = await repository.find_task_access(db, actor, reference)
    if found is None:
        raise TaskNotFound
    rows = await db.rows(f"{_SELECT} WHERE s.task_id = $1 ORDER BY s.position, s.id", found[0])
    return [_to_view(row) for row in rows]


async def add_subtask(uow: UnitOfWork, actor: Actor, reference: str, data: SubtaskInput) -> SubtaskView:
    """Add an item at the end."""
    found = await repository.find_task_access(uow, actor, reference)
    if found is None:
        raise TaskNotFound
    task_id, key, access = found
    require(access, policy.may_edit_task(access.role), "edit tasks")
    title = _title(data.title)
    await _check_assignee(uow, access, data.assignee_id)
    # the task's lock, so that two additions do not get the same place
    await uow.value("SELECT 1 FROM tasks WHERE id = $1 FOR NO KEY UPDATE", task_id)
    position: int = await uow.value("SELECT coalesce(max(position), 0) + 1 FROM subtasks WHERE task_id = $1", task_id)
    subtask = Subtask(
        task_id=task_id, title=title, group_name=data.group, position=position, assignee_id=data.assignee_id,
        created_at=uow.now,
    )  # fmt: skip
    uow.session.add(subtask)
    await uow.flush()
    uow.emit(
        SubtaskCreated(object_id=subtask.id, project_id=access.project_id, task_id=task_id, task_key=key, title=title),
        by=actor.user_id,
    )
    return await _view(uow, subtask.id)


async def change_subtask(
    uow: UnitOfWork, actor: Actor, subtask_id: UUID, data: SubtaskChange, *, expected_version: int | None = None
) -> SubtaskView:
    """Change an item; ticking it records who did and when."""
    subtask, key, access = await _load(uow, actor, subtask_id)
    require(access, policy.may_edit_task(access.role), "edit tasks")
    await expect_version("subtask", subtask.version, expected_version, lambda: _view(uow, subtask_id))
    sent = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    if "title" in sent:
        sent["title"] = _title(sent["title"])
    if "group" in sent:
        sent["group_name"] = sent.pop("group")
    await _check_assignee(uow, access, sent.get("assignee_id"))
    changes: dict[str, list[Any]] = {}
    for field, value in sent.items():
        if getattr(subtask, field) != value:
            changes[field.removesuffix("_name")] = [getattr(subtask, field), value]
            setattr(subtask, field, value)
    if "is_completed" in changes:
        subtask.completed_at = uow.now if subtask.is_completed else None
        subtask.completed_by = actor.user_id if subtask.is_completed else None
    if changes:
        await uow.flush()
        event = SubtaskUpdated(
            object_id=subtask.id, project_id=access.project_id, task_id=subtask.task_id, task_key=key,
            title=subtask.title, changes=changes,
        )  # fmt: skip
        uow.emit(event, by=actor.user_id)
    return await _view(uow, subtask.id)


async def delete_subtask(
    uow: UnitOfWork, actor: Actor, subtask_id: UUID, *, expected_version: int | None = None
) -> None:
    """Take an item off the checklist."""
    subtask, key, access = await _load(uow, actor, subtask_id)
    require(access, policy.may_edit_task(access.role), "edit tasks")
    await expect_version("subtask", subtask.version, expected_version, lambda: _view(uow, subtask_id))
    await uow.session.delete(subtask)
    uow.emit(
        SubtaskDeleted(
            object_id=subtask.id,
            project_id=access.project_id,
            task_id=subtask.task_id,
            task_key=key,
            title=subtask.title,
        ),
        by=actor.user_id,
    )


async def _load(uow: UnitOfWork, actor: Actor, subtask_id: UUID) -> tuple[Subtask, str, Access]:
    row = await uow.row(
        f"""SELECT p.key || '-' || t.number AS key, {_ACCESS}
            FROM subtasks s JOIN tasks t ON t.id = s.task_id JOIN projects p ON p.id = t.project_id
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE s.id = $2 AND t.deleted_at IS NULL AND p.deleted_at IS NULL AND (m.role IS NOT NULL OR $3)""",  # noqa: S608 - constant columns
        actor.user_id, subtask_id, actor.is_admin,
    )  # fmt: skip
    subtask = await uow.session.get(Subtask, subtask_id, with_for_update=True) if row else None
    if row is None or subtask is None:
        raise SubtaskNotFound
    return subtask, row["key"], to_access(actor, row)


async def _check_assignee(db: Reader, access: Access, assignee_id: UUID | None) -> None:
    if assignee_id is not None and await repository.not_members(db, access.project_id, [assignee_id]):
        raise InvalidInput.at("/assignee_id", "is no member of this project", "unknown_id")


def _title(text: str) -> str:
    title = text.strip()
    if not title:
        raise InvalidInput.at("/title", "must not be empty", "too_short")
    return title


async def _view(db: Reader, subtask_id: UUID) -> SubtaskView:
    row = await db.row(f"{_SELECT} WHERE s.id = $1", subtask_id)
    if row is None:
        raise SubtaskNotFound
    return _to_view(row)


def _to_view(row: asyncpg.Record) -> SubtaskView:
    return SubtaskView(
        id=row["id"],
        task_id=row["task_id"],
        title=row["title"],
        group=row["group_name"],
        is_completed=row["is_completed"],
        position=row["position"],
        assignee=_person.decode(row["assignee"]) if row["assignee"] else None,
        completed_by=_person.decode(row["completed_by"]) if row["completed_by"] else None,
        completed_at=row["completed_at"],
        created_at=row["created_at"],
        version=row["version"],
    )
