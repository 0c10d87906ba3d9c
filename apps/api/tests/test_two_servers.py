"""What one process of the API ends, has ended in every other at once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from synergy_testing.factories import PASSWORD, Factory

pytestmark = pytest.mark.slow


@pytest.fixture
async def replicas(serve):
    """Two processes of the API on one database and one Redis."""
    servers = [await serve(SYNERGY_RATE_LIMIT_LOGIN="0") for _ in range(2)]
    clients = [httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=30) for server in servers]
    yield clients
    for client in clients:
        await client.aclose()


async def sign_in(client, user) -> dict:
    answer = await client.post("/auth/login", json={"identifier": user.username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refresh(client, token) -> httpx.Response:
    return await client.post("/auth/refresh", json={"refresh_token": token})


async def statuses(replicas, token) -> list[int]:
    headers = {"Authorization": f"Bearer {token}"}
    return [(await client.get("/me", headers=headers)).status_code for client in replicas]


async def test_refresh_by_fifty_tabs_over_two_processes_signs_nobody_out(replicas, own_runtime):
    user = await Factory(own_runtime).user()
    token = (await sign_in(replicas[0], user))["refresh_token"]
    for _ in range(3):
        answers = await asyncio.gather(*(refresh(replicas[tab % 2], token) for tab in range(50)))
        assert [answer.status_code for answer in answers] == [200] * 50
        [token] = {answer.json()["refresh_token"] for answer in answers}
        assert await statuses(replicas, answers[-1].json()["access_token"]) == [200, 200]


async def test_stolen_refresh_token_ends_the_family_everywhere_at_once(replicas, own_runtime):
    user = await Factory(own_runtime).user()
    stolen = (await sign_in(replicas[0], user))["refresh_token"]
    owner = (await refresh(replicas[0], stolen)).json()
    async with own_runtime.database.unit_of_work() as uow:  # beyond the seconds in which a lost answer is given again
        await uow.value("UPDATE refresh_tokens SET used_at = used_at - interval '16 s' WHERE used_at IS NOT NULL")

    assert (await refresh(replicas[1], stolen)).json()["code"] == "invalid_refresh_token"
    assert await statuses(replicas, owner["access_token"]) == [401, 401]
    assert [(await refresh(client, owner["refresh_token"])).status_code for client in replicas] == [401, 401]
    db = own_runtime.database.reader()
    assert await db.value("SELECT count(*) FROM security_events WHERE type = 'token_reuse'") == 1
    told = "SELECT payload->>'notice' FROM jobs WHERE name = 'identity.send_security_mail' AND payload->>'user_id' = $1"
    assert await db.value(f"{told} ORDER BY created_at DESC LIMIT 1", str(user.user_id)) == "token_reuse"


async def test_deactivated_user_is_refused_at_once_by_both(replicas, own_runtime):
    make = Factory(own_runtime)
    admin, user = await make.user(role="admin"), await make.user()
    boss = await sign_in(replicas[0], admin)
    session, personal = await sign_in(replicas[1], user), await make.api_token(user, "read")
    assert await statuses(replicas, session["access_token"]) == await statuses(replicas, personal) == [200, 200]

    stream = asyncio.create_task(read_stream(replicas[1], session["access_token"]))
    await asyncio.sleep(0.5)
    assert not stream.done()
    done = await replicas[0].post(
        f"/admin/users/{user.user_id}/deactivate", headers={"Authorization": f"Bearer {boss['access_token']}"}
    )
    assert done.status_code == 200, done.text
    assert await statuses(replicas, session["access_token"]) == [401, 401]
    assert await statuses(replicas, personal) == [401, 401]
    assert [(await refresh(client, session["refresh_token"])).status_code for client in replicas] == [401, 401]
    await asyncio.wait_for(stream, 2)  # it ends by itself


async def read_stream(client, token) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with client.stream("GET", "/events", headers=headers) as answer:
        assert answer.status_code == 200
        async for _ in answer.aiter_bytes():
            pass
