"""The reference data set, on which speed is measured: the same rows every time.

100 users, 1,000 projects, 100,000 tasks, and 300,000 comments and events together. Ten projects have exactly 200
tasks, 50 in each column of the board.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from fractional_indexing import generate_n_keys_between  # pyright: ignore[reportMissingTypeStubs]  # it has none

from synergy_domain.common import render_markdown
from synergy_domain.demo import material
from synergy_domain.projects.events import MemberAdded, ProjectCreated
from synergy_domain.work.contracts import STATUSES, TaskStatus
from synergy_domain.work.events import CommentCreated, TaskCreated, TaskMoved
from synergy_platform.events import Event

SEED = 20_261_101
USERS, PROJECTS, TASKS, COMMENTS, COMMENTS_AND_EVENTS = 100, 1_000, 100_000, 80_000, 300_000
BOARDS, BOARD_TASKS = 10, 200

_END = datetime(2026, 11, 1, tzinfo=UTC)
_BEGIN = _END - timedelta(days=300)
_SECONDS = int((_END - _BEGIN).total_seconds())
_TEXTS = 500
_SHARES = {"todo": 35, "in_progress": 15, "review": 10, "done": 40}

Row = tuple[Any, ...]

COLUMNS: dict[str, tuple[str, ...]] = {
    "users": (
        "id", "username", "email", "password_hash", "first_name", "last_name", "role", "department", "timezone",
        "locale", "theme", "is_active", "is_person_only", "email_verified_at", "created_at", "updated_at",
    ),
    "projects": (
        "id", "key", "name", "description", "description_html", "status", "priority", "owner_id", "start_date",
        "end_date", "color", "enforce_dependencies", "proof_required", "created_at", "updated_at", "version",
    ),
    "project_counters": ("project_id", "last_number", "tasks_total", "tasks_done", "impact_total", "impact_done"),
    "project_members": ("project_id", "user_id", "role", "joined_at", "added_by"),
    "labels": ("id", "project_id", "name", "color"),
    "tasks": (
        "id", "project_id", "number", "title", "description", "description_html", "status", "priority", "reporter_id",
        "impact", "story_points", "start_date", "due_date", "estimate_minutes", "position", "completed_at",
        "created_at", "updated_at", "version",
    ),
    "task_assignees": ("task_id", "user_id"),
    "task_labels": ("task_id", "label_id"),
    "task_dependencies": ("task_id", "depends_on_id"),
    "subtasks": ("id", "task_id", "title", "is_completed", "position", "completed_at", "created_at"),
    "comments": ("id", "task_id", "author_id", "body", "body_html", "created_at"),
    "events": (
        "id", "seq", "type", "version", "occurred_at", "actor_id", "project_id", "object_type", "object_id", "quiet",
        "data",
    ),
}  # fmt: skip


class _User(msgspec.Struct, frozen=True):
    id: UUID
    username: str


class _Told(msgspec.Struct, frozen=True):
    """What an event needs until all of them are put in order."""

    at: datetime
    by: UUID
    event: Event


class _Project(msgspec.Struct, frozen=True):
    id: UUID
    key: str
    members: list[_User]
    labels: list[UUID]
    created_at: datetime
    tasks: int
    weighs: bool


class ReferenceSet:
    """Makes the rows, table by table; `batches` first and to its end, then `events`."""

    def __init__(self, password_hash: str) -> None:
        self._rng = random.Random(SEED)  # noqa: S311 - made-up data, the same every time
        self._hash = password_hash
        self._told: list[_Told] = []
        self._texts = [(body, render_markdown(body)) for body in self._bodies()]
        self._comments_left, self._tasks_left = COMMENTS, TASKS

    def batches(self, projects_at_once: int = 50) -> Iterator[dict[str, list[Row]]]:
        """Rows by table, in the order in which they may be inserted."""
        users = [self._user(number) for number in range(USERS)]
        yield {"users": [row for row, _ in users]}
        people = [user for _, user in users]
        sizes = self._sizes()
        for start in range(0, PROJECTS, projects_at_once):
            rows: dict[str, list[Row]] = {name: [] for name in COLUMNS if name not in {"users", "events"}}
            for number in range(start, min(start + projects_at_once, PROJECTS)):
                self._fill(rows, self._project(rows, number, sizes[number], people))
            yield rows

    def events(self, first: int) -> Iterator[Row]:
        """What happened, oldest first, numbered from `first`."""
        self._add_moves()
        self._told.sort(key=lambda told: told.at)
        for number, told in enumerate(self._told, first):
            event = told.event
            yield (
                self._id(told.at), number, event.TYPE, event.VERSION, told.at, told.by, event.project_id, event.OBJECT,
                event.object_id, True, msgspec.json.encode(event.data()).decode(),
            )  # fmt: skip

    def _bodies(self) -> list[str]:
        return [material.text(self._rng, self._rng.randint(1, 4)) for _ in range(_TEXTS)]

    def _id(self, at: datetime) -> UUID:
        """An identifier of version 7 for that moment."""
        low = self._rng.getrandbits(74)
        return UUID(
            int=int(at.timestamp() * 1000) << 80 | 7 << 76 | (low >> 62) << 64 | 2 << 62 | low & ((1 << 62) - 1)
        )

    def _moment(self, after: datetime) -> datetime:
        """Some time between `after` and the end."""
        return after + (_END - after) * self._rng.random()

    def _user(self, number: int) -> tuple[Row, _User]:
        first, last = _name(number)
        username = _username(number)
        user = _User(self._id(_BEGIN), username)
        role = "admin" if number == 0 else "manager" if number < 5 else "member"
        row = (
            user.id, username, f"{username}@example.com", self._hash, first, last, role,
            self._rng.choice(material.DEPARTMENTS), self._rng.choice(material.TIMEZONES), "en", "system", True, False,
            _BEGIN, _BEGIN, _BEGIN,
        )  # fmt: skip
        return row, user

    def _sizes(self) -> list[int]:
        """Tasks of each project: the boards, and many small and a few large ones, together TASKS."""
        others, rest = PROJECTS - BOARDS, TASKS - BOARDS * BOARD_TASKS
        weights = [self._rng.lognormvariate(0, 0.9) for _ in range(others)]
        spare = rest - others
        sizes = [1 + int(spare * weight / sum(weights)) for weight in weights]
        for place in range(rest - sum(sizes)):
            sizes[place % others] += 1
        return [BOARD_TASKS] * BOARDS + sizes

    def _project(self, rows: dict[str, list[Row]], number: int, size: int, people: list[_User]) -> _Project:
        rng = self._rng
        created = _BEGIN + timedelta(seconds=rng.randrange(_SECONDS * 2 // 3))
        # every user is in a board's project, so that each may ask for it
        members = rng.sample(people, len(people) if number < BOARDS else rng.randint(4, 14))
        key = _key(number)
        name = f"{rng.choice(material.AREAS)} {rng.choice(material.EFFORTS)} {number + 1}"
        project = _Project(
            self._id(created), key, members, [self._id(created) for _ in material.LABELS], created, size,
            number % 2 == 0,
        )  # fmt: skip
        body, html = rng.choice(self._texts)
        rows["projects"].append(
            (
                project.id, key, name, body, html,
                rng.choices(("active", "planning", "on_hold", "completed"), (70, 15, 5, 10))[0],
                rng.choice(("low", "medium", "medium", "high", "urgent")), members[0].id, created.date(),
                (created + timedelta(days=rng.randint(30, 200))).date(), None, False, False, created,
                self._moment(created), 1,
            )
        )  # fmt: skip
        for place, user in enumerate(members):
            role = "owner" if place == 0 else "manager" if place == 1 else "viewer" if place == 3 else "member"
            rows["project_members"].append((project.id, user.id, role, created, members[0].id))
            if place:
                event = MemberAdded(object_id=user.id, project_id=project.id, username=user.username, role=role)
                self._told.append(_Told(created, members[0].id, event))
        rows["labels"].extend(
            (label, project.id, word, color)
            for label, (word, color) in zip(project.labels, material.LABELS, strict=True)
        )
        event = ProjectCreated(object_id=project.id, project_id=project.id, key=key, name=name)
        self._told.append(_Told(created, members[0].id, event))
        return project

    def _fill(self, rows: dict[str, list[Row]], project: _Project) -> None:
        rng = self._rng
        if project.tasks == BOARD_TASKS and len(project.members) == USERS:
            statuses: list[TaskStatus] = [status for status in STATUSES for _ in range(BOARD_TASKS // len(STATUSES))]
            rng.shuffle(statuses)
        else:
            statuses = rng.choices(STATUSES, list(_SHARES.values()), k=project.tasks)
        positions = {status: iter(generate_n_keys_between(None, None, statuses.count(status))) for status in STATUSES}
        dates = sorted(self._moment(project.created_at) for _ in statuses)
        impact_total, impact_done = Decimal(0), Decimal(0)
        earlier: list[UUID] = []
        for number, (status, created) in enumerate(zip(statuses, dates, strict=True), 1):
            impact = Decimal(rng.randint(0, 40)) / 4 if project.weighs else Decimal(0)
            impact_total += impact
            impact_done += impact if status == "done" else Decimal(0)
            task_id = self._task(rows, project, number, status, created, impact, next(positions[status]))
            if earlier and rng.random() < 0.1:
                rows["task_dependencies"].append((task_id, rng.choice(earlier)))
            earlier.append(task_id)
        done = statuses.count("done")
        rows["project_counters"].append((project.id, len(statuses), len(statuses), done, impact_total, impact_done))

    def _task(
        self, rows: dict[str, list[Row]], project: _Project, number: int, status: TaskStatus, created: datetime,
        impact: Decimal, position: str,
    ) -> UUID:  # fmt: skip
        rng = self._rng
        task_id, title = self._id(created), material.title(rng)
        body, html = rng.choice(self._texts)
        key = f"{project.key}-{number}"
        reporter = rng.choice(project.members).id
        updated = self._moment(created)
        start: date | None = created.date() if rng.random() < 0.4 else None
        due = (created + timedelta(days=rng.randint(3, 60))).date() if rng.random() < 0.6 else None
        rows["tasks"].append(
            (
                task_id, project.id, number, title, body, html, status,
                rng.choices(("low", "medium", "high", "urgent"), (20, 50, 22, 8))[0], reporter, impact,
                rng.choice((None, 1, 2, 3, 5, 8)), start, due, rng.choice((None, 30, 60, 120, 240, 480)),
                position, updated if status == "done" else None, created, updated, 1,
            )
        )  # fmt: skip
        rows["task_assignees"].extend(
            (task_id, user.id) for user in rng.sample(project.members, rng.choice((0, 1, 1, 1, 2)))
        )
        rows["task_labels"].extend((task_id, label) for label in rng.sample(project.labels, rng.choice((0, 1, 1, 2))))
        self._subtasks(rows, task_id, status, created, updated)
        self._told.append(
            _Told(
                created,
                reporter,
                TaskCreated(object_id=task_id, project_id=project.id, key=key, title=title, status="todo"),
            )
        )
        self._comments(rows, project, task_id, key, title, created)
        return task_id

    def _subtasks(
        self, rows: dict[str, list[Row]], task_id: UUID, status: TaskStatus, created: datetime, updated: datetime
    ) -> None:
        rng = self._rng
        for place in range(1, rng.choice((0, 0, 0, 2, 4)) + 1):
            completed = status == "done" or rng.random() < 0.3
            rows["subtasks"].append(
                (
                    self._id(created),
                    task_id,
                    material.title(rng),
                    completed,
                    place,
                    updated if completed else None,
                    created,
                )
            )

    def _comments(
        self, rows: dict[str, list[Row]], project: _Project, task_id: UUID, key: str, title: str, created: datetime
    ) -> None:
        """Some tasks are talked about much, most little or not; all of them together COMMENTS times."""
        average = self._comments_left / self._tasks_left
        count = int(self._rng.choice((0, 0, 1, 1, 3)) * average + self._rng.random())
        self._tasks_left -= 1
        count = self._comments_left if self._tasks_left == 0 else min(count, self._comments_left)
        self._comments_left -= count
        for _ in range(count):
            at = self._moment(created)
            author = self._rng.choice(project.members).id
            body, html = self._rng.choice(self._texts)
            comment_id = self._id(at)
            rows["comments"].append((comment_id, task_id, author, body, html, at))
            event = CommentCreated(
                object_id=comment_id, project_id=project.id, task_id=task_id, task_key=key, task_title=title,
                excerpt=body[:160], mentioned_ids=[],
            )  # fmt: skip
            self._told.append(_Told(at, author, event))

    def _add_moves(self) -> None:
        """Moves on the boards, as many as are missing to COMMENTS_AND_EVENTS."""
        created = [told for told in self._told if isinstance(told.event, TaskCreated)]
        for told in self._rng.sample(created, COMMENTS_AND_EVENTS - COMMENTS - len(self._told)):
            event = told.event
            if isinstance(event, TaskCreated):
                moved = TaskMoved(
                    object_id=event.object_id, project_id=event.project_id, key=event.key, title=event.title,
                    task_version=1, from_status="todo", to_status="in_progress",
                )  # fmt: skip
                self._told.append(_Told(self._moment(told.at), told.by, moved))


def reference_usernames() -> list[str]:
    """The accounts of the reference set; the first is an admin."""
    return [_username(number) for number in range(USERS)]


def _name(number: int) -> tuple[str, str]:
    # the lengths have no common multiple below 680, so nobody has the same name
    return material.FIRST_NAMES[number % len(material.FIRST_NAMES)], material.LAST_NAMES[
        number % len(material.LAST_NAMES)
    ]


def _username(number: int) -> str:
    return "-".join(_name(number)).lower()


def _key(number: int) -> str:
    """RAAA, RAAB, …: keys that hardly anybody chooses."""
    letters = ""
    for _ in range(3):
        number, place = divmod(number, 26)
        letters = chr(ord("A") + place) + letters
    return f"R{letters}"
