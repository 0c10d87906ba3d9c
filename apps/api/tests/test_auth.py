"""Sign-in over HTTP."""

from __future__ import annotations

from synergy_platform.ids import new_id
from synergy_testing.factories import PASSWORD


def registration(**fields):
    name = f"r{new_id().hex[-10:]}"
    return {
        "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace",
        **fields,
    }  # fmt: skip


async def test_register_and_sign_in_with_good_input_gives_tokens(api):
    body = registration()
    made = await api.anonymous.post("/auth/register", body)
    assert made.status_code == 201, made.text
    assert made.json()["username"] == body["username"]
    assert "password" not in made.text

    for identifier in (body["username"], body["email"].upper()):
        answer = await api.anonymous.post("/auth/login", {"identifier": identifier, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        assert set(tokens) == {
            "access_token", "token_type", "expires_in", "user", "refresh_token", "mfa_required", "mfa_token", "methods",
        }  # fmt: skip
        assert (tokens["token_type"], tokens["expires_in"], tokens["mfa_required"]) == ("Bearer", 3600, False)
        me = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert me.json()["email"] == body["email"]
