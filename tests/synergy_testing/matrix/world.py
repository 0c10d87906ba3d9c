"""A project with one caller of each kind, and whatever a request names."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pyotp

from synergy_domain.common import Actor
from synergy_domain.identity import Client
from synergy_domain.identity.links import new_link
from synergy_domain.identity.models import ExternalIdentity
from synergy_domain.identity.sessions import begin_session
from synergy_domain.notifications import notify_about, unsubscribe_token
from synergy_domain.projects import ProjectView
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail, send_mail
from synergy_platform.schedules import ScheduleDefinition, ensure_schedules
from synergy_platform.tokens import JwtSigner, hash_token, new_opaque_token
from synergy_testing.factories import PASSWORD, Factory
from synergy_testing.fixtures import Api, Caller
from synergy_testing.matrix.rules import CALLERS, Entry, Kind
from synergy_testing.post import Post

_VERIFIED_AT = datetime(2026, 1, 1, tzinfo=UTC)
# one pixel
_PICTURE = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")
_TEXT = ("notes.txt", b"Plant the trees before the rain.\n", "text/plain")


class World:
    """Makes what requests name; each method gives an id or a body, for the caller who will name it."""

    def __init__(self, client: httpx.AsyncClient, make: Factory) -> None:
        self._client = client
        self._api = Api(client, make)
        self._make = make
        self._runtime = make.runtime
        self.actors: dict[str, Actor] = {}
        self.callers: dict[str, Caller] = {}
        self._project: ProjectView

    async def people(self) -> None:
        """One user of each kind, signed in."""
        for kind in CALLERS:
            await self.renew(kind)

    async def renew(self, kind: Kind) -> None:
        """Another user of this kind, who is in the projects to come."""
        if kind.credential == "none":
            self.callers[kind.name] = self._api.anonymous
            return
        actor = await self._make.user(role=kind.role, email_verified_at=_VERIFIED_AT if kind.verified else None)
        self.actors[kind.name] = actor
        self.callers[kind.name] = await self._api.as_(actor)
        if kind.credential == "token":
            self.callers[kind.name] = self._caller(await self._make.api_token(actor, *kind.scopes))
        elif kind.credential == "revoked":
            await self._run("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", actor.user_id)
        elif kind.credential == "deactivated":
            await self._run("UPDATE users SET is_active = false WHERE id = $1", actor.user_id)

    async def new_project(self) -> None:
        """Another project with the same people."""
        self._project = await self._make.project(self.actors["owner"])
        members = [kind for kind in CALLERS if kind.project_role not in {None, "owner"}]
        await self._add(self._project, {self.actors[kind.name].user_id: str(kind.project_role) for kind in members})

    async def ended(self) -> list[str]:
        """The callers whose session is over and should not be."""
        rows = await self._runtime.database.reader().rows(
            """SELECT u.id FROM users u JOIN sessions s ON s.user_id = u.id
               WHERE u.id = ANY($1::uuid[]) AND s.revoked_at IS NULL AND u.is_active""",
            [actor.user_id for actor in self.actors.values()],
        )
        alive = {row["id"] for row in rows}
        return [
            kind.name for kind in CALLERS
            if kind.is_signed_in and self.actors[kind.name].user_id not in alive
        ]  # fmt: skip

    async def resolve(self, value: Any, kind: Kind) -> Any:
        """`value` with each `@name` in it replaced."""
        match value:
            case str() if value.startswith("@"):
                return await getattr(self, value[1:])(kind)
            case dict():
                return {name: await self.resolve(inner, kind) for name, inner in value.items()}
            case list():
                return [await self.resolve(inner, kind) for inner in value]
            case _:
                return value

    async def request(self, route: str, entry: Entry, kind: Kind) -> dict[str, Any]:
        """The table's request, for this caller."""
        method, _, path = route.partition(" ")
        for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace(f"{{{name}}}", await self.resolve(entry.ids.get(name, f"@{name}"), kind))
        body: dict[str, Any] = {"headers": dict(entry.headers)}
        if entry.json is not None:
            body["json"] = await self.resolve(entry.json, kind)
        if entry.files is not None:
            body["files"] = await self.resolve(entry.files, kind)
        return {"method": method, "path": path + entry.query, **body}

    # accounts

    async def registration(self, _kind: Kind) -> dict[str, str]:
        """A new account."""
        name = f"r{new_id().hex[-12:]}"
        return {
            "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "Ada",
            "last_name": "Lovelace",
        }  # fmt: skip

    async def new_account(self, kind: Kind) -> dict[str, str]:
        """An account that an administrator makes."""
        return {name: value for name, value in (await self.registration(kind)).items() if name != "password"}

    async def person_without_account(self, _kind: Kind) -> str:
        """Somebody whom an import made."""
        person = await self._make.user(email=None, password_hash=None, is_active=False, is_person_only=True)
        return str(person.user_id)

    async def nobody(self, _kind: Kind) -> str:
        """An id that nobody has."""
        return str(new_id())

    async def credentials(self, _kind: Kind) -> dict[str, str]:
        """A sign-in of somebody."""
        return {"identifier": (await self._make.user()).username, "password": PASSWORD}

    async def refresh_token(self, _kind: Kind) -> str:
        """A refresh token of somebody."""
        somebody = await self._make.user()
        async with self._runtime.database.unit_of_work() as uow:
            issued = await begin_session(self._runtime, uow, somebody.user_id, Client("127.0.0.1", "tests"))
        return issued.refresh_token

    async def reset_link(self, _kind: Kind) -> str:
        """The token of a link that sets somebody's password."""
        somebody = await self._make.user()
        async with self._runtime.database.unit_of_work() as uow:
            address = f"{somebody.username}@example.org"
            return await new_link(uow, somebody.user_id, "password_reset", address, timedelta(hours=1))

    async def new_address(self, _kind: Kind) -> str:
        """An address that nobody has."""
        return f"n{new_id().hex}@example.org"

    async def picture(self, _kind: Kind) -> dict[str, Any]:
        """A picture to show oneself by."""
        return {"file": ("me.gif", _PICTURE, "image/gif")}

    async def member_with_picture(self, _kind: Kind) -> str:
        """The member, who has a picture."""
        await self.callers["member"].request("PUT", "/me/avatar", files=await self.picture(_kind))
        return str(self.actors["member"].user_id)

    async def session_id(self, _kind: Kind) -> str:
        """Another session of the member."""
        member = self.actors["member"].user_id
        async with self._runtime.database.unit_of_work() as uow:
            await begin_session(self._runtime, uow, member, Client("127.0.0.1", "tests"))
        return str(
            await self._runtime.database.reader().value("SELECT max(id::text) FROM sessions WHERE user_id = $1", member)
        )

    async def token_id(self, _kind: Kind) -> str:
        """A personal token of the member."""
        return await self._post("/me/tokens", {"name": "Script", "scopes": ["read"]}, by="member")

    async def verification(self, _kind: Kind) -> str:
        """The token of a link that verifies an address."""
        somebody, now = await self._make.user(), datetime.now(UTC)
        return JwtSigner(self._runtime.keyring, "verify-email").sign(
            {"sub": str(somebody.user_id), "email": f"{somebody.username}@example.org"},
            issued_at=now, expires_at=now.replace(year=now.year + 1),
        )  # fmt: skip

    async def invitation_id(self, _kind: Kind) -> str:
        """An open invitation of the owner, sent a while ago."""
        return (await self._invite())[0]

    async def invitation_token(self, _kind: Kind) -> str:
        """The token of its link."""
        return (await self._invite())[1]

    async def invited_registration(self, kind: Kind) -> dict[str, dict[str, str]]:
        """A new account of whoever has the link."""
        account = await self.registration(kind)
        return {"registration": {name: value for name, value in account.items() if name != "email"}}

    async def address(self, _kind: Kind) -> str:
        """An address that nobody has."""
        return f"{new_id().hex}@example.org"

    async def identity_id(self, _kind: Kind) -> str:
        """An account elsewhere that signs in as the member."""
        async with self._runtime.database.unit_of_work() as uow:
            identity = ExternalIdentity(
                user_id=self.actors["member"].user_id, provider="corp", issuer="https://login.example.org",
                subject=new_id().hex, created_at=uow.now,
            )  # fmt: skip
            uow.session.add(identity)
        return str(identity.id)

    async def mfa_token(self, _kind: Kind) -> str:
        """A sign-in of somebody that waits for a code by mail."""
        somebody = await self._make.user(email_mfa_at=_VERIFIED_AT)
        answer = await self._api.anonymous.post("/auth/login", {"identifier": somebody.username, "password": PASSWORD})
        return answer.json()["mfa_token"]

    async def second_factor(self, kind: Kind) -> dict[str, str]:
        """What completes a sign-in of somebody."""
        token = await self.mfa_token(kind)
        assert (await self._api.anonymous.post("/auth/mfa/email", {"mfa_token": token})).status_code == 204
        address = await self._runtime.database.reader().value(
            "SELECT u.email FROM mfa_challenges c JOIN users u ON u.id = c.user_id WHERE c.token_hash = $1",
            hash_token(token),
        )
        return {"mfa_token": token, "method": "email", "code": await self._mailed_code(address)}

    async def totp_code(self, kind: Kind) -> str:
        """The code of the authenticator app that the caller is about to turn on; any, where nobody is signed in."""
        answer = await self.callers[kind.name].post("/me/mfa/totp", {"password": PASSWORD})
        return pyotp.TOTP(answer.json()["secret"]).now() if answer.status_code == 200 else "123456"

    async def email_code(self, kind: Kind) -> str:
        """The code that the caller was mailed to turn codes by mail on; any, where nobody is signed in."""
        answer = await self.callers[kind.name].post("/me/mfa/email", {"password": PASSWORD})
        if answer.status_code != 202:
            return "1"
        return await self._mailed_code(f"{self.actors[kind.name].username}@example.org")

    async def own_password_with_factor(self, kind: Kind) -> dict[str, str]:
        """The caller's password; they have a second factor."""
        if kind.credential == "session":
            await self._run("UPDATE users SET email_mfa_at = now() WHERE id = $1", self.actors[kind.name].user_id)
        return {"password": PASSWORD}

    async def outsider(self, kind: Kind) -> str:
        """Somebody whom the caller sees and who is not in the project."""
        outsider, common = await self._make.user(), await self._make.project()
        caller = self.actors.get(kind.name, outsider)
        await self._add(common, {outsider.user_id: "member", caller.user_id: "member"})
        return str(outsider.user_id)

    # the project

    async def project_id(self, _kind: Kind) -> str:
        """The project."""
        return str(self._project.id)

    async def archived_project(self, _kind: Kind) -> str:
        """The project, archived."""
        await self._run("UPDATE projects SET archived_at = now() WHERE id = $1", self._project.id)
        return str(self._project.id)

    async def user_id(self, _kind: Kind) -> str:
        """A member of the project who is none of the callers."""
        return str((await self._make.member(self._project)).user_id)

    async def myself(self, kind: Kind) -> str:
        """The caller; where nobody is signed in, somebody."""
        return str(self.actors[kind.name].user_id) if kind.name in self.actors else await self.user_id(kind)

    async def another_manager(self, _kind: Kind) -> str:
        """A manager of the project."""
        return str((await self._make.member(self._project, "manager")).user_id)

    async def member_user(self, _kind: Kind) -> str:
        """The member."""
        return str(self.actors["member"].user_id)

    async def task(self, _kind: Kind) -> str:
        """A task of the owner."""
        return str((await self._make.task(self._project)).id)

    async def task_of_member(self, _kind: Kind) -> str:
        """A task that the member made."""
        return str((await self._make.task(self._project, self.actors["member"])).id)

    async def subtask_id(self, kind: Kind) -> str:
        """An item of a checklist."""
        return await self._post(f"/tasks/{await self.task(kind)}/subtasks", {"title": "Buy bread"})

    async def comment_id(self, kind: Kind) -> str:
        """A comment of the owner."""
        return await self._post(f"/tasks/{await self.task(kind)}/comments", {"body": "Well done"})

    async def comment_of_member(self, kind: Kind) -> str:
        """A comment of the member."""
        return await self._post(f"/tasks/{await self.task(kind)}/comments", {"body": "Well done"}, by="member")

    async def label_id(self, _kind: Kind) -> str:
        """A label."""
        label = {"name": new_id().hex, "color": "#00ff00"}
        return await self._post(f"/projects/{self._project.id}/labels", label)

    async def text_file(self, _kind: Kind) -> dict[str, Any]:
        """A file to attach."""
        return {"file": _TEXT}

    async def attachment_id(self, kind: Kind) -> str:
        """A file of the owner."""
        return await self._post(f"/tasks/{await self.task(kind)}/attachments", files={"file": _TEXT})

    async def attachment_of_member(self, kind: Kind) -> str:
        """A file of the member."""
        return await self._post(f"/tasks/{await self.task(kind)}/attachments", files={"file": _TEXT}, by="member")

    async def webhook_id(self, _kind: Kind) -> str:
        """A webhook."""
        webhook = {"name": "Chat", "url": "https://hooks.example.org/"}
        answer = await self.callers["owner"].post(f"/projects/{self._project.id}/webhooks", webhook)
        return answer.json()["webhook"]["id"]

    async def delivery_id(self, kind: Kind) -> str:
        """A message of a webhook, which is over."""
        delivery_id = await self._post(f"/webhooks/{await self.webhook_id(kind)}/test")
        await self._run(
            "UPDATE webhook_deliveries SET state = 'delivered', finished_at = now() WHERE id = $1", delivery_id
        )
        return delivery_id

    async def board_file(self, _kind: Kind) -> dict[str, Any]:
        """A board to import, which nobody imported before."""
        board = {"id": new_id().hex, "name": "Garden", "lists": [], "cards": []}
        return {"source": (None, "trello"), "file": ("board.json", json.dumps(board).encode(), "application/json")}

    async def board_for_project(self, kind: Kind) -> dict[str, Any]:
        """The same, into the project."""
        return {**await self.board_file(kind), "project_id": (None, str(self._project.id))}

    async def import_id(self, kind: Kind) -> str:
        """An import of the member."""
        return await self._post("/imports", files=await self.board_file(kind), by="member")

    # of another project, which the owner sees

    async def foreign_member(self, _kind: Kind) -> str:
        """A member of another project of the owner."""
        return str((await self._make.member(await self._other_project())).user_id)

    async def foreign_task(self, _kind: Kind) -> str:
        """A task of another project of the owner."""
        return str((await self._make.task(await self._other_project())).id)

    async def foreign_label(self, _kind: Kind) -> str:
        """A label of another project of the owner."""
        label = {"name": "Elsewhere", "color": "#00ff00"}
        return await self._post(f"/projects/{(await self._other_project()).id}/labels", label)

    async def hidden_person(self, _kind: Kind) -> str:
        """Somebody whom nobody sees."""
        return str((await self._make.user()).user_id)

    async def hidden_project(self, _kind: Kind) -> str:
        """A project that no caller is in."""
        return str((await self._make.project()).id)

    # people

    async def notification_id(self, kind: Kind) -> str:
        """A notification of the caller; where nobody is signed in, of the member."""
        return await self._notification(self.actors[kind.name if kind.is_signed_in else "member"])

    async def notification_of_member(self, _kind: Kind) -> str:
        """A notification of the member."""
        return await self._notification(self.actors["member"])

    async def token(self, _kind: Kind) -> str:
        """The token of a link in a mail."""
        return unsubscribe_token(self._runtime.keyring, self.actors["member"].user_id, "mention")

    # background

    async def mail_id(self, _kind: Kind) -> str:
        """A mail that landed in the folder."""
        async with self._runtime.database.unit_of_work() as uow:
            mail = Mail(to="grace@example.org", subject="Hello", text="Hello", kind="test", written_at=uow.now)
            await queue_mail(self._runtime, uow, mail)
        finish = await send_mail(self._runtime, {"mail_id": str(mail.id)}, 1)
        async with self._runtime.database.unit_of_work() as uow:
            await finish(uow)
        return str(mail.id)

    async def job_id(self, _kind: Kind) -> str:
        """A dead letter."""
        async with self._runtime.database.unit_of_work() as uow:
            job_id = uow.enqueue("test.matrix")
        await self._run("UPDATE jobs SET state = 'dead', attempts = 5, died_at = now() WHERE id = $1", job_id)
        return str(job_id)

    async def schedule_id(self, _kind: Kind) -> str:
        """A schedule."""
        name = f"test.{new_id()}"
        async with self._runtime.database.unit_of_work() as uow:
            await ensure_schedules(uow, (ScheduleDefinition(name=name, job="test.matrix", cron="0 3 * * *"),))
        return str(await self._runtime.database.reader().value("SELECT id FROM schedules WHERE name = $1", name))

    async def _mailed_code(self, address: str) -> str:
        match = re.search(r"^\d{6}$", (await Post(self._runtime).last(address, "mfa_code")).text, re.MULTILINE)
        assert match is not None
        return match[0]

    async def _notification(self, actor: Actor) -> str:
        project = await self._make.project()
        await self._add(project, {actor.user_id: "member"})
        task = await self._make.task(project, assignee_ids=[actor.user_id])
        reader = self._runtime.database.reader()
        event = await reader.value("SELECT id FROM events WHERE object_id = $1 AND type = 'task.assigned'", task.id)
        async with self._runtime.database.unit_of_work() as uow:
            await notify_about(self._runtime, uow, {"event_id": str(event)})
        return str(await reader.value("SELECT max(id::text) FROM notifications WHERE recipient_id = $1", actor.user_id))

    def _caller(self, token: str) -> Caller:
        return Caller(self._client, {"Authorization": f"Bearer {token}"})

    async def _other_project(self) -> ProjectView:
        return await self._make.project(self.actors["owner"])

    async def _add(self, project: ProjectView, roles: dict[UUID, str]) -> None:
        # past the API, which would not take people who are not active, or whom the owner does not see
        await self._run(
            """INSERT INTO project_members (project_id, user_id, role, joined_at, added_by)
               SELECT $1, m.id, m.role, now(), $2 FROM unnest($3::uuid[], $4::text[]) AS m (id, role)""",
            project.id, project.owner.id, list(roles), list(roles.values()),
        )  # fmt: skip

    async def _invite(self) -> tuple[str, str]:
        # past the API, which limits how many one account sends
        invitation_id, token = new_id(), new_opaque_token()
        await self._run(
            """INSERT INTO invitations (id, project_id, email, role, token_hash, invited_by, created_at, sent_at,
                                        expires_at)
               VALUES ($1, $2, $3, 'viewer', $4, $5, now(), now() - interval '1 hour', now() + interval '1 hour')""",
            invitation_id, self._project.id, f"{invitation_id}@example.org", hash_token(token), self._project.owner.id,
        )  # fmt: skip
        return str(invitation_id), token

    async def _post(self, path: str, body: object = None, *, by: str = "owner", files: Any = None) -> str:
        answer = await self.callers[by].post(path, body, **({"files": files} if files else {}))
        assert answer.status_code < 300, answer.text
        return answer.json()["id"]

    async def _run(self, statement: str, *args: object) -> None:
        async with self._runtime.database.unit_of_work() as uow:
            await uow.value(statement, *args)
