"""The verbs of labels."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from synergy_domain.common import Actor, expect_version, given
from synergy_domain.projects import ACCESS_COLUMNS, access_to, require, to_access
from synergy_domain.work import policy
from synergy_domain.work.contracts import LabelChange, LabelInput, ProjectLabelView
from synergy_domain.work.errors import LabelExists, LabelNotFound
from synergy_domain.work.events import LabelCreated, LabelDeleted, LabelUpdated
from synergy_domain.work.models import Label
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput


async def list_labels(db: Reader, actor: Actor, project_id: UUID) -> list[ProjectLabelView]:
    """The labels of a project, by name."""
    await access_to(db, actor, project_id)
    rows = await db.rows(
        "SELECT id, name, color, version FROM labels WHERE project_id = $1 ORDER BY lower(name), id", project_id
    )
    return [ProjectLabelView(**row) for row in rows]


async def add_label(uow: UnitOfWork, actor: Actor, project_id: UUID, data: LabelInput) -> ProjectLabelView:
    """Add a label; raises LabelExists."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_edit_labels(access.role), "edit labels")
    label = Label(project_id=project_id, name=_name(data.name), color=data.color)
    uow.session.add(label)
    await _flush(uow, label)
    uow.emit(
        LabelCreated(object_id=label.id, project_id=project_id, name=label.name, color=label.color), by=actor.user_id
    )
    return _view(label)


async def change_label(
    uow: UnitOfWork, actor: Actor, label_id: UUID, data: LabelChange, *, expected_version: int | None = None
) -> ProjectLabelView:
    """Change a label's name or colour."""
    label = await _load(uow, actor, label_id, expected_version)
    label.name = _name(given(data.name, label.name))
    label.color = given(data.color, label.color)
    if uow.session.is_modified(label):
        await _flush(uow, label)
        event = LabelUpdated(object_id=label.id, project_id=label.project_id, name=label.name, color=label.color)
        uow.emit(event, by=actor.user_id)
    return _view(label)


async def delete_label(uow: UnitOfWork, actor: Actor, label_id: UUID, *, expected_version: int | None = None) -> None:
    """Delete a label, from its tasks too."""
    label = await _load(uow, actor, label_id, expected_version)
    await uow.session.delete(label)
    uow.emit(LabelDeleted(object_id=label.id, project_id=label.project_id, name=label.name), by=actor.user_id)


async def _load(uow: UnitOfWork, actor: Actor, label_id: UUID, expected_version: int | None) -> Label:
    row = await uow.row(
        f"""SELECT {ACCESS_COLUMNS} FROM labels l JOIN projects p ON p.id = l.project_id
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE l.id = $2 AND p.deleted_at IS NULL AND (m.role IS NOT NULL OR $3)""",  # noqa: S608 - constant columns
        actor.user_id, label_id, actor.is_admin,
    )  # fmt: skip
    label = await uow.session.get(Label, label_id, with_for_update={"key_share": True}) if row else None
    if row is None or label is None:
        raise LabelNotFound
    access = to_access(actor, row)
    require(access, policy.may_edit_labels(access.role), "edit labels")

    async def current() -> ProjectLabelView:
        return _view(label)

    await expect_version("label", label.version, expected_version, current)
    return label


async def _flush(uow: UnitOfWork, label: Label) -> None:
    name = label.name
    try:
        await uow.flush()
    except IntegrityError:
        raise LabelExists(name) from None


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise InvalidInput.at("/name", "must not be empty", "too_short")
    return name


def _view(label: Label) -> ProjectLabelView:
    return ProjectLabelView(id=label.id, name=label.name, color=label.color, version=label.version)
