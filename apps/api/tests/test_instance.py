"""How the instance is and with which settings it runs, as an administrator asks over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from synergy_domain.instance import CheckName
from synergy_platform import heartbeats
from synergy_platform.settings import OidcProvider, documented_settings
from synergy_platform.version import VERSION

CANARY = "canary-that-nobody-may-see-0123456789"


@pytest.fixture
async def admin(make, api):
    return await api.as_(await make.user(role="admin"))


async def test_health_tells_of_each_part_what_is_so_and_what_to_do(admin, runtime):
    reader = runtime.database.reader()
    await heartbeats.beat(reader, "worker", "instance-test:1")
    answer = await admin.get("/admin/health")
    await heartbeats.forget(reader, "instance-test:1")
    assert answer.status_code == 200
    told = answer.json()
    assert told["version"] == VERSION
    assert told["uptime_seconds"] >= 0
    checks = {check["name"]: check for check in told["checks"]}
    assert set(checks) == set(msgspec.inspect.type_info(CheckName).values)
    assert {
        name: checks[name]["state"] for name in ("database", "schema", "broker", "cache", "worker")
    } == dict.fromkeys(("database", "schema", "broker", "cache", "worker"), "ok")
    assert checks["scheduler"]["state"] == "fault"  # none runs here
    assert "Start a scheduler" in checks["scheduler"]["advice"]
    assert told["state"] == "fault"


def secretive(setting, given):
    """A value that the setting can have, with the canary as its secret."""
    if setting.field == "oidc_providers":
        return (OidcProvider(id="corp", name="Corp", issuer="https://a.example", client_id="b", client_secret=CANARY),)
    if setting.field == "secret_keys":
        return (*given, CANARY)
    return given.replace("redis://", f"redis://:{CANARY}@", 1) if given.startswith("redis://") else CANARY


async def test_settings_tell_no_secret(api_with, settings, make):
    secrets = {
        setting.field: secretive(setting, getattr(settings, setting.field))
        for setting in documented_settings()
        if setting.secret
    }
    assert len(secrets) >= 10
    client = api_with(msgspec.structs.replace(settings, **secrets))
    token = await make.access_token(await make.user(role="admin"))
    answer = await client.get("/api/v1/admin/settings", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert CANARY not in answer.text
    shown = {each["name"]: each for each in answer.json()["items"]}
    assert {name for name, each in shown.items() if each["is_secret"]} == {
        setting.name for setting in documented_settings() if setting.secret
    }
    assert {each["source"] for each in shown.values() if each["is_secret"]} == {"set"}
    assert {each["value"] for each in shown.values() if each["is_secret"]} == {None}


async def test_settings_tell_the_values_in_force(admin, settings):
    shown = {each["name"]: each for each in (await admin.get("/admin/settings")).json()["items"]}
    assert list(shown) == [setting.name for setting in documented_settings()]
    assert (shown["DB_NAME"]["value"], shown["DB_NAME"]["source"]) == (settings.db_name, "set")
    assert (shown["WEB_WORKERS"]["value"], shown["WEB_WORKERS"]["source"]) == ("1", "default")


async def test_backups_are_told_also_where_none_was_recorded(admin):
    told = (await admin.get("/admin/backups")).json()
    assert set(told) == {"backup", "restore", "backups", "proofs", "offsite_copies"}
    assert set(told["backup"]) == {"state", "last_good", "age_seconds", "overdue_at"}


@pytest.mark.parametrize("path", ["health", "backups", "settings"])
async def test_nobody_but_administrators_sees_the_instance(api, make, path):
    answer = await (await api.as_(await make.user(role="manager"))).get(f"/admin/{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "admins_only")
    assert (await api.anonymous.get(f"/admin/{path}")).status_code == 401
