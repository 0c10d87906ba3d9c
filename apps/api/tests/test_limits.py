"""Rate limits: who is counted as what, and what every answer says of it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import httpx
import msgspec
import pytest

from synergy_platform.ids import new_id
from synergy_platform.settings import RateLimit

STATE = re.compile(r'"([a-z_]+)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"([a-z_]+)";q=(\d+);w=(\d+)')
FEW = RateLimit(4, 3600)


@pytest.fixture
def limited(api_with, settings):
    """The API as processes that share limits with each other, and with no other test: from an address of its own."""
    host = str(IPv4Address(0x0A000000 + (new_id().int & 0xFFFFFF)))

    def make_client(**changes):
        changed = msgspec.structs.replace(
            settings, **{"rate_limit_api": FEW, "rate_limit_register": RateLimit(0, 1), **changes}
        )
        client = api_with(changed)
        client._transport.client = (host, 1)
        return client

    return make_client


def left(answer) -> int:
    """What is left of the limit, by an answer whose two headers are well-formed and fit each other."""
    state, policy = (
        STATE.fullmatch(answer.headers["ratelimit"]), POLICY.fullmatch(answer.headers["ratelimit-policy"])
    )  # fmt: skip
    assert state, answer.headers
    assert policy, answer.headers
    assert state[1] == policy[1]
    assert 0 <= int(state[2]) <= int(policy[2])
    assert 0 < int(state[3]) <= 2 * int(policy[3])
    return int(state[2])


def refused(answer) -> bool:
    """Whether it is a 429 that says when to come again."""
    if answer.status_code != 429:
        return False
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "rate_limited"
    assert 1 <= int(answer.headers["retry-after"]) <= int(STATE.fullmatch(answer.headers["ratelimit"])[3])
    assert left(answer) == 0
    return True


async def bearer(make, actor) -> dict[str, str]:
    return {"Authorization": f"Bearer {await make.access_token(actor)}"}


async def test_requests_are_limited_as_the_setting_says(limited, make):
    headers = await bearer(make, await make.user())
    client = limited()
    answers = [await client.get("/api/v1/me", headers=headers) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert [left(answer) for answer in answers] == [3, 2, 1, 0, 0, 0]
    assert refused(answers[-1])
    assert answers[0].headers["ratelimit-policy"] == '"api";q=4;w=3600'
    free = await limited(rate_limit_api=RateLimit(0, 1)).get("/api/v1/me", headers=headers)
    assert (free.status_code, "ratelimit" in free.headers) == (200, False)


async def test_sessions_of_a_user_count_together_on_all_processes_and_apart_from_others(limited, make):
    user, other = await make.user(), await make.user()
    one, two = limited(), limited()
    for client, headers in ((one, await bearer(make, user)), (two, await bearer(make, user))):
        for _ in range(2):
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
    assert refused(await one.get("/api/v1/me", headers=await bearer(make, user)))
    assert refused(await two.get("/api/v1/me", headers=await bearer(make, user)))
    assert left(await two.get("/api/v1/me", headers=await bearer(make, other))) == 3


async def test_requests_of_nobody_count_by_address_and_lock_no_user_out(limited, make):
    client = limited()
    paths = ("/api/v1/me", "/api/v1/nothing", "/api/docs/nothing", "/api/v1/unsubscribe/x", "/api/v1/nothing")
    answers = [await client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [401, 404, 404, 404, 429]
    assert [left(answer) for answer in answers] == [3, 2, 1, 0, 0]
    assert refused(answers[-1])
    assert left(await client.get("/api/v1/me", headers=await bearer(make, await make.user()))) == 3
    client._transport.client = ("203.0.113.9", 1)
    assert (await client.get("/api/v1/nothing")).status_code == 404


@pytest.mark.parametrize("credentials", [
    {"Authorization": "Bearer x.y.z"},
    {"Authorization": "Bearer syn_" + "A" * 43},
    {"Authorization": "Basic eDp5"},
    {"Cookie": "synergy_access=x.y.z"},
])  # fmt: skip
async def test_flood_of_bad_credentials_is_limited_by_address(limited, credentials):
    client = limited()
    answers = [await client.get("/api/v1/me", headers=credentials) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429]
    assert refused(answers[-1])
    # wherever it goes: an address that needs nobody counts, whatever it is sent
    assert refused(await client.post("/api/v1/auth/refresh", json={"refresh_token": "x"}, headers=credentials))


async def test_addresses_of_one_ipv6_network_count_together(limited):
    client = limited()
    network = f"2001:db8:{new_id().int & 0xFFFF:x}:1"
    for number in range(1, 5):
        client._transport.client = (f"{network}::{number}", 1)
        assert (await client.get("/api/v1/nothing")).status_code == 404
    client._transport.client = (f"{network}:ffff::1", 1)
    assert refused(await client.get("/api/v1/nothing"))


async def test_every_answer_tells_the_limit_whatever_its_status(limited, make):
    client = limited(rate_limit_api=RateLimit(100, 3600), request_deadline=1, allowed_hosts=("synergy.test",))
    headers = await bearer(make, await make.user())
    project = (await client.post("/api/v1/projects", json={"name": "P"}, headers=headers)).json()
    requests = {
        200: ("GET", "/api/v1/me", headers, {}),
        201: ("POST", "/api/v1/projects", headers, {"json": {"name": "Q"}}),
        204: ("DELETE", f"/api/v1/projects/{project['id']}", headers, {}),
        400: ("GET", "/api/v1/projects?nothing=1", headers, {}),
        401: ("GET", "/api/v1/me", {}, {}),
        403: ("GET", "/api/v1/admin/queues", headers, {}),
        404: ("GET", f"/api/v1/projects/{new_id()}", headers, {}),
        405: ("PUT", "/api/v1/me", headers, {}),
        415: ("POST", "/api/v1/projects", headers, {"content": b"x"}),
        421: ("GET", "/api/v1/me", {"Host": "elsewhere.example"}, {}),
        422: ("POST", "/api/v1/projects", headers, {"json": {}}),
    }
    for status, (method, path, sent, body) in requests.items():
        answer = await client.request(method, path, headers=sent, **body)
        assert answer.status_code == status, answer.text
        assert left(answer) < 100
    for method, path in (("GET", "/api/openapi.json"), ("GET", "/api/docs"), ("OPTIONS", "/api/v1/me")):
        left(await client.request(method, path))


async def test_sign_in_routes_tell_their_own_limit(limited):
    client = limited(rate_limit_api=RateLimit(100, 3600), rate_limit_login=RateLimit(3, 3600),
                     rate_limit_register=RateLimit(2, 3600))  # fmt: skip
    name = f"u{new_id().hex[-12:]}"
    wrong = {"identifier": name, "password": "not the right 1"}
    answers = [await client.post("/api/v1/auth/login", json=wrong) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429]
    assert [left(answer) for answer in answers] == [2, 1, 0, 0]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"login";q=3;w=3600'}
    someone = {"username": name, "email": f"{name}@example.org", "password": "correct horse 7 battery",
               "first_name": "A", "last_name": "B"}  # fmt: skip
    answer = await client.post("/api/v1/auth/register", json=someone)
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (201, '"register";q=2;w=3600')


async def test_address_that_the_proxy_does_not_know_is_counted_and_recorded_as_none(limited):
    client = limited(rate_limit_api=RateLimit(100, 3600))
    client._transport.client = ("unknown", 1)
    wrong = {"identifier": f"u{new_id().hex[-12:]}", "password": "not the right 1"}
    assert (await client.post("/api/v1/auth/login", json=wrong)).status_code == 401


async def test_health_and_event_streams_are_not_counted(limited, make):
    client = limited()
    for _ in range(6):
        answer = await client.get("/api/health/live")
        assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
    headers = await bearer(make, await make.user())
    client._transport.app.state.hub = Draining()
    for _ in range(6):
        answer = await client.get("/api/v1/events", headers=headers)
        assert (answer.status_code, left(answer)) == (503, 4)
    assert left(await client.get("/api/v1/events", headers={**headers, "Accept": "application/json"})) == 3


class Draining:
    """A hub that takes no streams, which would not end."""

    draining = True


async def test_requests_are_served_while_redis_is_away(limited, make):
    client = limited(redis_url="redis://127.0.0.1:1/0")
    headers = await bearer(make, await make.user())
    answers: list[httpx.Response] = [await client.get("/api/v1/me", headers=headers) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert [left(answer) for answer in answers] == [3, 2, 1, 0, 0]
