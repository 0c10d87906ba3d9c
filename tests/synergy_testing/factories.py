"""Makes what a test needs; each call states only what matters."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from synergy_domain import projects, work
from synergy_domain.common import Actor
from synergy_domain.identity import Client
from synergy_domain.identity.api_tokens import TOKEN_PREFIX
from synergy_domain.identity.models import ApiToken, User
from synergy_domain.identity.sessions import begin_session
from synergy_domain.projects import MemberInput, ProjectInput, ProjectView
from synergy_domain.work import TaskInput, TaskView
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import hash_token, new_opaque_token

T = TypeVar("T")

PASSWORD = "correct horse 7 battery"


class Factory:
    """Makes users, projects and tasks through the domain."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def user(
        self, *, role: str = "member", password: str | None = None, verified: bool = False, **fields: object
    ) -> Actor:
        """A user, with a name that nobody else has; `verified`: who has confirmed their address."""
        name = f"u{new_id().hex[-12:]}"
        encoded = await self.runtime.hasher.hash(password or PASSWORD)
        async with self.runtime.database.unit_of_work() as uow:
            user = User(
                **{
                    "username": name, "email": f"{name}@example.org", "password_hash": encoded, "first_name": "Test",
                    "last_name": "Person", "role": role, "email_verified_at": uow.now if verified else None,
                    "created_at": uow.now, "updated_at": uow.now, **fields,
                }
            )  # fmt: skip
            uow.session.add(user)
            await uow.flush()
            return Actor(user_id=user.id, username=user.username, role=role)

    async def access_token(self, actor: Actor) -> str:
        """An access token of a new session."""
        async with self.runtime.database.unit_of_work() as uow:
            issued = await begin_session(self.runtime, uow, actor.user_id, Client("127.0.0.1", "tests"))
        return issued.access_token

    async def api_token(self, user: Actor, *scopes: str) -> str:
        """A personal token, with whatever scopes: the user may have lost their role since they made it."""
        token = f"{TOKEN_PREFIX}{new_opaque_token()}"
        async with self.runtime.database.unit_of_work() as uow:
            uow.session.add(
                ApiToken(
                    user_id=user.user_id, name="Script", prefix=token[:12], token_hash=hash_token(token),
                    scopes=list(scopes), created_at=uow.now,
                )
            )  # fmt: skip
        return token

    async def project(self, owner: Actor | None = None, **fields: object) -> ProjectView:
        """A project; without an owner a new user is."""
        owner = owner or await self.user()
        async with self.runtime.database.unit_of_work() as uow:
            return await projects.create_project(
                uow, owner, _input(ProjectInput, {"name": "Website", "key": _key(), **fields})
            )

    async def member(self, project: ProjectView, role: str = "member") -> Actor:
        """A new user in the project."""
        user = await self.user()
        admin = Actor(user_id=project.owner.id, username=project.owner.username, role="admin")
        async with self.runtime.database.unit_of_work() as uow:
            await projects.add_member(uow, admin, project.id, MemberInput(user_id=user.user_id, role=role))
        return user

    async def task(self, project: ProjectView, by: Actor | None = None, **fields: object) -> TaskView:
        """A task; without `by` its owner makes it."""
        actor = by or self.owner(project)
        async with self.runtime.database.unit_of_work() as uow:
            return await work.create_task(uow, actor, project.id, _input(TaskInput, {"title": "A task", **fields}))

    def owner(self, project: ProjectView) -> Actor:
        """The owner of a project."""
        return Actor(user_id=project.owner.id, username=project.owner.username, role="member")


def _input(kind: type[T], fields: dict[str, object]) -> T:
    """An input as the API would read it."""
    return msgspec.convert(msgspec.to_builtins(fields), kind)


def _key() -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    number = new_id().int & ((1 << 62) - 1)
    key = "T"
    for _ in range(5):
        number, digit = divmod(number, 36)
        key += letters[digit]
    return key
