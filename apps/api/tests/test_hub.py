"""Whose open streams see what, as memberships begin and end."""

from __future__ import annotations

import asyncio
import contextlib

from synergy_api.hub import EventHub
from synergy_domain import projects
from synergy_domain.identity import Client
from synergy_platform.jobs import Registry
from synergy_platform.outbox import number_events
from synergy_testing.factories import Factory


async def test_whoever_accepts_an_invitation_sees_the_project_in_their_open_stream(own_runtime):
    make = Factory(own_runtime)
    owner, guest = await make.user(verified=True), await make.user(verified=True)
    project = await make.project(owner)
    async with own_runtime.database.unit_of_work() as uow:
        data = projects.InvitationInput(email=f"{guest.username}@example.org")
        invitation = await projects.invite(own_runtime, uow, owner, project.id, data)
    hub = EventHub(own_runtime)
    await hub.start()
    async with hub.subscribe(guest) as stream:
        acceptance = projects.InvitationAcceptance()
        await projects.accept_invitation(own_runtime, str(invitation.id), guest, acceptance, Client(None, None))
        await make.task(project)
        connection = await own_runtime.database.connect_directly()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(connection.close)
            await number_events(connection, Registry(()), own_runtime.clock.now())
        seen = [(await asyncio.wait_for(stream.frames.get(), 5))[1].decode() for _ in range(2)]
    await hub.stop()
    assert [frame.splitlines()[1] for frame in seen] == ["event: member.joined", "event: task.created"]
