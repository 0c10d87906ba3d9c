"""The verbs of attachments: files on tasks."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from pathlib import PurePosixPath
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor, PersonView
from synergy_domain.projects import ACCESS_COLUMNS, Access, require, to_access
from synergy_domain.work import policy, repository
from synergy_domain.work.contracts import AttachmentUpload, AttachmentView
from synergy_domain.work.errors import AttachmentNotFound, TaskNotFound
from synergy_domain.work.events import AttachmentCreated, AttachmentDeleted
from synergy_domain.work.models import Attachment
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Cursors, Page, make_page

# the area of the storage where the files are
FILES_AREA = "attachments"

_SORT = "-created_at"
_NAME_LENGTH = 255
_EXTENSION_LENGTH = 20
_UNNAMED = "file"
_UNKNOWN_TYPE = "application/octet-stream"
# a media type without parameters (RFC 6838, 4.2)
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
# characters that turn the direction of text, and so may show an extension that is not there
_TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_COLUMNS = """f.id, f.task_id, f.name, f.media_type, f.size, f.sha256, f.created_at, f.file_key,
              u.id AS uploader_id, u.username, u.first_name || ' ' || u.last_name AS uploader_name"""
_FROM = "FROM attachments f JOIN users u ON u.id = f.uploader_id"
_VISIBLE = """
    JOIN tasks t ON t.id = f.task_id JOIN projects p ON p.id = t.project_id
    LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
    WHERE f.id = $2 AND f.deleted_at IS NULL AND t.deleted_at IS NULL AND p.deleted_at IS NULL
      AND (m.role IS NOT NULL OR $3)
"""
_FIND = f"SELECT {_COLUMNS}, p.id AS project_id, m.role AS my_role {_FROM} {_VISIBLE}"
_ACCESS = f"SELECT p.key || '-' || t.number AS key, {ACCESS_COLUMNS} FROM attachments f {_VISIBLE}"  # noqa: S608 - constants


class AttachmentContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a download needs to know: `file_key` is its key in the storage, `size` in bytes."""

    file_key: str
    name: str
    media_type: str
    size: int
    sha256: str


async def list_attachments(
    db: Reader, cursors: Cursors, actor: Actor, reference: str, *, cursor: str | None, limit: int
) -> Page[AttachmentView]:
    """The files of a task, the newest first."""
    found = await repository.find_task_access(db, actor, reference)
    if found is None:
        raise TaskNotFound
    after = (None, None) if cursor is None else tuple(cursors.decode(_SORT, cursor, (datetime, UUID)))
    rows = await db.rows(
        f"""SELECT {_COLUMNS} {_FROM} WHERE f.task_id = $1 AND f.deleted_at IS NULL
            AND ($2::timestamptz IS NULL OR (f.created_at, f.id) < ($2, $3))
            ORDER BY f.created_at DESC, f.id DESC LIMIT $4""",
        found[0], *after, limit + 1,
    )  # fmt: skip
    attachments = [_to_view(row) for row in rows]
    return make_page(attachments, limit, lambda last: cursors.encode(_SORT, [last.created_at, last.id]), None)


async def get_attachment(db: Reader, actor: Actor, attachment_id: UUID) -> AttachmentView:
    """What is known of one file."""
    return _to_view(await _find(db, actor, attachment_id))


async def get_attachment_content(db: Reader, actor: Actor, attachment_id: UUID) -> AttachmentContent:
    """What a download of one file needs to know."""
    row = await _find(db, actor, attachment_id)
    return AttachmentContent(
        file_key=row["file_key"], name=row["name"], media_type=row["media_type"], size=row["size"], sha256=row["sha256"]
    )


async def check_may_attach(db: Reader, actor: Actor, reference: str) -> None:
    """Refuse those who may not add a file to the task, before they send it."""
    await _task_to_attach_to(db, actor, reference)


async def add_attachment(uow: UnitOfWork, actor: Actor, reference: str, upload: AttachmentUpload) -> AttachmentView:
    """Add a stored file to a task; when the task does not take it, the file is the caller's to delete."""
    task_id, key, access = await _task_to_attach_to(uow, actor, reference)
    attachment = Attachment(
        task_id=task_id, uploader_id=actor.user_id, name=clean_name(upload.name),
        media_type=clean_media_type(upload.media_type), size=upload.file.size, sha256=upload.file.sha256,
        file_key=upload.file.key, created_at=uow.now,
    )  # fmt: skip
    uow.session.add(attachment)
    await uow.flush()
    await repository.count_attachments(uow, task_id, 1)
    event = AttachmentCreated(
        object_id=attachment.id, project_id=access.project_id, task_id=task_id, task_key=key, name=attachment.name,
        size=attachment.size,
    )  # fmt: skip
    uow.emit(event, by=actor.user_id)
    return await get_attachment(uow, actor, attachment.id)


async def delete_attachment(uow: UnitOfWork, actor: Actor, attachment_id: UUID) -> None:
    """Put a file into the trash: one's own, or any as manager."""
    row = await uow.row(_ACCESS, actor.user_id, attachment_id, actor.is_admin)
    attachment = await uow.session.get(Attachment, attachment_id, with_for_update=True) if row else None
    if row is None or attachment is None or attachment.deleted_at is not None:
        raise AttachmentNotFound
    access = to_access(actor, row)
    own = attachment.uploader_id == actor.user_id
    require(access, policy.may_delete_attachment(access.role, own=own), "delete this file")
    attachment.deleted_at = uow.now
    await repository.count_attachments(uow, attachment.task_id, -1)
    uow.emit(
        AttachmentDeleted(
            object_id=attachment.id, project_id=access.project_id, task_id=attachment.task_id, task_key=row["key"],
            name=attachment.name,
        ),
        by=actor.user_id,
    )  # fmt: skip


async def named_files(db: Reader, keys: list[str]) -> set[str]:
    """Which of these keys of the storage belong to an attachment, in the trash or not."""
    rows = await db.rows("SELECT file_key FROM attachments WHERE file_key = ANY($1::text[])", keys)
    return {row["file_key"] for row in rows}


def clean_name(given: str | None) -> str:
    """A file's name without the folders of whoever sent it and without what deceives; at most 255 characters.

    The extension outlives the cut. `file` where nothing is left.
    """
    name = (given or "").replace("\\", "/").rsplit("/", 1)[-1].translate(_TURNING)
    name = " ".join(name.split())
    name = "".join(character for character in name if unicodedata.category(character) not in {"Cc", "Cs"})
    name = unicodedata.normalize("NFC", name.strip())
    if not name.strip("."):
        return _UNNAMED
    extension = PurePosixPath(name).suffix
    if len(extension) > _EXTENSION_LENGTH:
        extension = ""
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - len(extension)] + extension


def clean_media_type(given: str | None) -> str:
    """`type/subtype` in small letters without parameters; application/octet-stream for anything else."""
    name = (given or "").partition(";")[0].strip().lower()
    return name if _MEDIA_TYPE.fullmatch(name) else _UNKNOWN_TYPE


async def _task_to_attach_to(db: Reader, actor: Actor, reference: str) -> tuple[UUID, str, Access]:
    found = await repository.find_task_access(db, actor, reference)
    if found is None:
        raise TaskNotFound
    require(found[2], policy.may_attach(found[2].role), "add files")
    return found


async def _find(db: Reader, actor: Actor, attachment_id: UUID) -> asyncpg.Record:
    row = await db.row(_FIND, actor.user_id, attachment_id, actor.is_admin)
    if row is None:
        raise AttachmentNotFound
    actor.note_reached(row["project_id"], row["my_role"])
    return row


def _to_view(row: asyncpg.Record) -> AttachmentView:
    return AttachmentView(
        id=row["id"],
        task_id=row["task_id"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        uploader=PersonView(id=row["uploader_id"], username=row["username"], name=row["uploader_name"]),
        created_at=row["created_at"],
    )
