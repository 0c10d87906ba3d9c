"""The small demo, told through the verbs of the domains as if it had happened over the last weeks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import msgspec

from synergy_domain import projects, work
from synergy_domain.common import Actor
from synergy_domain.demo import repository
from synergy_domain.demo.script import PEOPLE, PLANS
from synergy_domain.demo.shapes import Job, Plan, Said
from synergy_domain.projects import MemberInput, ProjectInput
from synergy_domain.work import CommentInput, LabelInput, SubtaskChange, SubtaskInput, TaskInput, TaskMove, TaskStatus
from synergy_platform.database import UnitOfWork

# where a task was before it came to where it is
_WAY: dict[TaskStatus, tuple[TaskStatus, ...]] = {
    "todo": (), "in_progress": ("in_progress",), "review": ("in_progress", "review"),
    "done": ("in_progress", "review", "done"),
}  # fmt: skip


def usernames() -> list[str]:
    """The accounts of the demo; the first is an admin."""
    return [person.username for person in PEOPLE]


async def tell(uow: UnitOfWork, password_hash: str) -> None:
    """Make the demo, all of it in this transaction."""
    await _Story(uow).tell(password_hash)


class _Step(msgspec.Struct, frozen=True):
    at: datetime
    do: Callable[[], Awaitable[object]]


class _Story:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._now = uow.now
        self._people: dict[str, Actor] = {}
        self._projects: dict[str, UUID] = {}
        self._labels: dict[tuple[str, str], UUID] = {}
        self._tasks: dict[tuple[str, str], UUID] = {}

    async def tell(self, password_hash: str) -> None:
        """Make the people, then let everything happen in its order, each step at its time."""
        self._uow.now = self._at(max(plan.age for plan in PLANS) + 1)
        for person in PEOPLE:
            user_id = await repository.add_person(self._uow, person, password_hash)
            self._people[person.username] = Actor(user_id=user_id, username=person.username, role="member")
        steps = [step for plan in PLANS for step in self._plan_steps(plan)]
        for step in sorted(steps, key=lambda step: step.at):
            self._uow.now = step.at
            await step.do()
            # each step sees what is stored, as a request of its own would
            await self._uow.flush()
            self._uow.session.expunge_all()
        self._uow.now = self._now

    def _at(self, age: float) -> datetime:
        """So many days ago, within working hours, and never in the future."""
        days, part = divmod(age, 1)
        start = datetime.combine(self._now.date() - timedelta(days=days), time(17), self._now.tzinfo)
        moment = start - timedelta(hours=8 * part)
        return min(moment, self._now - timedelta(minutes=1 + 60 * age))

    def _plan_steps(self, plan: Plan) -> list[_Step]:
        steps = [_Step(self._at(plan.age), partial(self._begin, plan))]
        for job in plan.jobs:
            created = self._at(job.age)
            steps.append(_Step(created, partial(self._create, plan, job)))
            way = _WAY[job.status]
            # the last move of finished work was a while ago, of other work just now
            until = job.age * (0.35 if job.status == "done" else 0.1)
            for place, status in enumerate(way, 1):
                at = self._at(job.age - (job.age - until) * place / len(way))
                steps.append(_Step(max(at, created + timedelta(minutes=place)), partial(self._move, plan, job, status)))
            steps += [_Step(max(self._at(said.age), created), partial(self._say, plan, job, said)) for said in job.said]
        return steps

    async def _begin(self, plan: Plan) -> None:
        owner, today = self._people[plan.owner], self._now.date()
        # where somebody has the key already, one is made from the name
        key = None if await repository.is_key_taken(self._uow, plan.key) else plan.key
        data = ProjectInput(
            key=key, name=plan.name, description=plan.text, status=plan.status, priority=plan.priority,
            start_date=today - timedelta(days=int(plan.age)), end_date=today + timedelta(days=plan.ends),
            color=plan.color,
        )  # fmt: skip
        project = await projects.create_project(self._uow, owner, data)
        self._projects[plan.key] = project.id
        for username, role in plan.members.items():
            # an admin may see everybody, and so may put them in
            add = MemberInput(user_id=self._people[username].user_id, role=role)
            await projects.add_member(self._uow, msgspec.structs.replace(owner, role="admin"), project.id, add)
        for name, color in plan.labels.items():
            label = await work.add_label(self._uow, owner, project.id, LabelInput(name=name, color=color))
            self._labels[plan.key, name] = label.id

    async def _create(self, plan: Plan, job: Job) -> None:
        by, project_id = self._writer(plan, job.by), self._projects[plan.key]
        data = TaskInput(
            title=job.title, description=job.text, priority=job.priority, impact=Decimal(job.impact),
            story_points=job.points, due_date=None if job.due is None else self._now.date() + timedelta(days=job.due),
            assignee_ids=[self._people[username].user_id for username in job.to],
            label_ids=[self._labels[plan.key, name] for name in job.labels],
            depends_on_ids=[self._tasks[plan.key, title] for title in job.after],
        )  # fmt: skip
        task = await work.create_task(self._uow, by, project_id, data)
        self._tasks[plan.key, job.title] = task.id
        for item in job.checklist:
            added = await work.add_subtask(self._uow, by, str(task.id), SubtaskInput(title=item.removeprefix("x ")))
            if item.startswith("x "):
                await work.change_subtask(self._uow, by, added.id, SubtaskChange(is_completed=True))

    async def _move(self, plan: Plan, job: Job, status: TaskStatus) -> None:
        by = self._writer(plan, job.to[0] if job.to else job.by)
        await work.move_task(self._uow, by, str(self._tasks[plan.key, job.title]), TaskMove(status=status))

    async def _say(self, plan: Plan, job: Job, said: Said) -> None:
        by = self._writer(plan, said.who)
        await work.add_comment(self._uow, by, str(self._tasks[plan.key, job.title]), CommentInput(body=said.text))

    def _writer(self, plan: Plan, username: str) -> Actor:
        """A viewer only reads, so a member stands in."""
        role = plan.members.get(username)
        return self._people[plan.owner if role == "viewer" else username]
