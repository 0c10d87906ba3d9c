"""The floor of the load test answers as the API does: it runs the same statements, which change with the product."""

from __future__ import annotations

from pathlib import Path

import httpx

FLOOR = Path(__file__).parents[1] / "load/floor.py"
PERSON = {
    "username": "anna", "email": "a@example.org", "password": "correct horse 7 battery", "first_name": "Anna",
    "last_name": "A",
}  # fmt: skip


async def test_floor_gives_the_bodies_of_the_api_and_refuses_a_forged_token(serve):
    ours, floor = await serve(), await serve(str(FLOOR))
    async with (
        httpx.AsyncClient(base_url=f"{ours.url}/api/v1", timeout=30) as ask,
        httpx.AsyncClient(base_url=f"{floor.url}/api/v1", timeout=30) as ask_floor,
    ):
        assert (await ask.post("/auth/register", json=PERSON)).status_code == 201
        credentials = {"identifier": "anna", "password": PERSON["password"]}
        token = (await ask.post("/auth/login", json=credentials)).json()["access_token"]
        ask.headers["Authorization"] = ask_floor.headers["Authorization"] = f"Bearer {token}"
        project = (await ask.post("/projects", json={"name": "One"})).json()["id"]
        made = (await ask_floor.post(f"/projects/{project}/tasks", json={"title": "Of the floor"})).json()
        same = (await ask.post(f"/projects/{project}/tasks", json={"title": "Of the floor"})).json()
        for name in ("id", "key", "number", "created_at", "updated_at"):
            assert made.pop(name) != same.pop(name) or name.endswith("_at")
        assert made == same
        task = (await ask.get(f"/projects/{project}/tasks")).json()["items"][0]["id"]
        for path in ("/me", f"/tasks/{task}", f"/projects/{project}", f"/projects/{project}/tasks",
                     f"/projects/{project}/board"):  # fmt: skip
            answers = [await one.get(path) for one in (ask, ask_floor)]
            assert [answer.status_code for answer in answers] == [200, 200], path
            assert answers[0].content == answers[1].content, path
        forged = {"Authorization": f"Bearer {token[:-4]}AAAA"}
        assert (await ask_floor.get("/me", headers=forged)).status_code == 401
