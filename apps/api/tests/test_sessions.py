"""One's own sessions and security events over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from synergy_domain.identity.client import device_name
from synergy_testing.factories import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"


async def sign_in(api, user, agent):
    body = {"identifier": user.username, "password": PASSWORD}
    answer = await api.anonymous.post("/auth/login", body, headers={"User-Agent": agent})
    assert answer.status_code == 200, answer.text
    return api.with_token(answer.json()["access_token"])


async def test_list_sessions_tells_the_devices_and_which_one_this_is(api, make):
    user = await make.user()
    phone = await sign_in(api, user, SAFARI)
    laptop = await sign_in(api, user, FIREFOX)
    items = (await phone.get("/me/sessions")).json()["items"]
    assert [(item["device"], item["current"]) for item in items] == [
        ("Safari on iPhone", True),
        ("Firefox on Linux", False),
    ]
    assert items[0]["user_agent"] == SAFARI
    assert items[0]["ip"] == "127.0.0.1"
    assert [item["current"] for item in (await laptop.get("/me/sessions")).json()["items"]] == [True, False]


async def test_revoke_session_ends_it_at_once_and_only_one_of_ones_own(api, make):
    user, stranger = await make.user(), await make.user()
    here, there, elsewhere = await api.as_(user), await api.as_(user), await api.as_(stranger)
    other = next(item["id"] for item in (await here.get("/me/sessions")).json()["items"] if not item["current"])
    assert (await elsewhere.delete(f"/me/sessions/{other}")).status_code == 404
    assert (await there.get("/me")).status_code == 200
    assert (await here.delete(f"/me/sessions/{other}")).status_code == 204
    assert [(await caller.get("/me")).status_code for caller in (here, there, elsewhere)] == [200, 401, 200]
    assert (await here.delete(f"/me/sessions/{other}")).status_code == 404


@pytest.mark.parametrize("days", [30, 3])
async def test_session_ends_for_good_however_much_it_is_used(api_with, make, runtime, settings, days):
    client = api_with(msgspec.structs.replace(settings, session_minutes=days * 1440))
    user = await make.user()
    begun = await client.post("/api/v1/auth/login", json={"identifier": user.username, "password": PASSWORD})

    async def age(*, hours: float) -> None:
        async with runtime.database.unit_of_work() as uow:
            await uow.value(
                "UPDATE sessions SET created_at = created_at - make_interval(mins => $2) WHERE user_id = $1",
                user.user_id, round(hours * 60),
            )  # fmt: skip

    async def refresh(token: str):
        return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})

    await age(hours=24 * days - 0.5)
    last = await refresh(begun.json()["refresh_token"])
    assert last.status_code == 200
    # no token outlives the session
    assert 25 * 60 < last.json()["expires_in"] <= 30 * 60
    ends = await runtime.database.reader().row("SELECT * FROM sessions WHERE user_id = $1", user.user_id)
    assert ends["expires_at"] - ends["created_at"] == timedelta(days=days)
    await age(hours=0.6)
    assert (await refresh(last.json()["refresh_token"])).status_code == 401


async def test_access_token_of_a_session_that_has_expired_is_refused(api, make, runtime):
    user = await make.user()
    caller = await api.as_(user)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE sessions SET expires_at = $2 WHERE user_id = $1", user.user_id, uow.now)
    assert (await caller.get("/me")).status_code == 401


async def test_sign_in_in_the_same_browser_ends_the_session_before(api, make, runtime):
    user, other = await make.user(), await make.user()

    async def sign_in_with(cookies: dict[str, str], who) -> dict[str, str]:
        body = {"identifier": who.username, "password": PASSWORD, "deliver": "cookie"}
        header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        answer = await api.anonymous.post("/auth/login", body, headers=header)
        assert answer.status_code == 200, answer.text
        return dict(answer.cookies)

    first = await sign_in_with({}, user)
    second = await sign_in_with(first, user)
    third = await sign_in_with(second, other)
    elsewhere = await sign_in_with({}, user)

    async def status(cookies: dict[str, str]) -> int:
        return (await api.with_token(cookies["synergy_access"]).get("/me")).status_code

    assert [await status(cookies) for cookies in (first, second, third, elsewhere)] == [401, 401, 200, 200]
    assert (await api.anonymous.post("/auth/refresh", {"refresh_token": first["synergy_refresh"]})).status_code == 401
    replaced = await runtime.database.reader().value(
        """SELECT count(*) FROM security_events
           WHERE user_id = $1 AND type = 'session_revoked' AND detail @> '{"replaced": true}'""",
        user.user_id,
    )
    assert replaced == 2


async def test_revoke_other_sessions_keeps_this_one(api, make):
    user = await make.user()
    callers = [await api.as_(user) for _ in range(4)]
    assert (await callers[2].post("/me/sessions/revoke-others")).status_code == 204
    assert [(await caller.get("/me")).status_code for caller in callers] == [401, 401, 200, 401]
    (event,) = (await callers[2].get("/me/security-events?type=session_revoked")).json()["items"]
    assert event["detail"] == {"others": 3}
    # there is nothing left to end
    assert (await callers[2].post("/me/sessions/revoke-others")).status_code == 204
    assert len((await callers[2].get("/me/security-events?type=session_revoked")).json()["items"]) == 1


async def test_security_events_are_ones_own_by_type_and_time_and_page_by_page(api, make):
    user, other = await make.user(), await make.user()
    await sign_in(api, other, FIREFOX)
    caller = await sign_in(api, user, FIREFOX)
    for _ in range(3):
        await api.anonymous.post("/auth/login", {"identifier": user.username, "password": "wrong one"})
    everything = (await caller.get("/me/security-events")).json()["items"]
    assert [event["type"] for event in everything] == ["login_failed"] * 3 + ["login_success"]
    assert {event["user"]["id"] for event in everything} == {str(user.user_id)}
    assert everything[0]["username_tried"] == user.username

    pages, cursor = [], ""
    while True:
        page = (await caller.get(f"/me/security-events?limit=3{cursor}")).json()
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == everything
    since = everything[1]["created_at"]
    recent = (await caller.get(f"/me/security-events?from={since}&type=login_failed,logout")).json()["items"]
    assert recent == everything[:2]
    assert (await caller.get("/me/security-events?type=nonsense")).status_code == 400
    assert (await caller.get(f"/me/security-events?user_id={other.user_id}")).status_code == 400


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on iPhone"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Edg/137.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} OPR/121.0.0.0", "Opera on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME}", "Chrome on macOS"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME}", "Chrome on Android"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-S911B) SamsungBrowser/27.0 {_CHROME}", "Samsung Internet on Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_CHROME}", "Chrome on ChromeOS"),
        ("curl/8.14.1", "curl"),
        ("python-httpx/0.28", "Python"),
        ("okhttp/4.12.0", "an app on Android"),
        ("", "Unknown device"),
        (None, "Unknown device"),
        ("\x00" * 5000 + "Firefox/1", "Unknown device"),
    ],
)
def test_device_reads_as_people_call_it(agent, name):
    assert device_name(agent) == name


async def test_me_is_saved_only_over_the_version_that_was_read(api, make):
    caller = await api.as_(await make.user())
    first = await caller.get("/me")
    etag = first.headers["etag"]
    assert (await caller.get("/me", headers={"If-None-Match": etag})).status_code == 304
    answers = await asyncio.gather(
        *(caller.patch("/me", {"bio": f"{number}"}, headers={"If-Match": etag}) for number in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    lost = next(answer for answer in answers if answer.status_code == 412)
    assert lost.json()["current"]["version"] == first.json()["version"] + 1
    again = await caller.patch("/me", {"bio": "last"}, headers={"If-Match": (await caller.get("/me")).headers["etag"]})
    assert again.status_code == 200
    assert again.headers["etag"] == (await caller.get("/me")).headers["etag"]
