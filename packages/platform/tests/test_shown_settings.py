"""Settings as administrators may see them."""

from __future__ import annotations

import re

import msgspec
import pytest

from synergy_platform.settings import (
    OidcProvider,
    RateLimit,
    Settings,
    documented_settings,
    load_settings,
    shown_settings,
)

CANARY = "canary-that-nobody-may-see"


def by_name(settings):
    return {shown.name: shown for shown in shown_settings(settings)}


def secretive(setting):
    """A value of the setting's type that holds the canary, as a password or inside an address."""
    if setting.field == "oidc_providers":
        return (OidcProvider(id="corp", name="Corp", issuer="https://a.example", client_id="b", client_secret=CANARY),)
    if setting.field == "secret_keys":
        return (CANARY * 2,)
    return f"redis://:{CANARY}@127.0.0.1:6379/0" if setting.name.endswith("_URL") else CANARY


def test_settings_are_all_there_in_groups_with_value_source_and_description():
    shown = shown_settings(Settings(web_workers=3))
    assert [each.name for each in shown] == [each.name for each in documented_settings()]
    assert all(each.group and each.description.endswith(".") for each in shown)
    workers = next(each for each in shown if each.name == "WEB_WORKERS")
    assert workers == msgspec.convert(
        {
            "name": "WEB_WORKERS", "group": "Addresses and processes", "description": "Processes of the API.",
            "is_secret": False, "source": "set", "value": "3", "default": "1", "unused": None,
        },
        type(workers),
    )  # fmt: skip


def test_values_are_written_as_they_would_be_set():
    shown = by_name(
        Settings(debug=True, allowed_hosts=("a.example", "b.example"), rate_limit_login=RateLimit(5, 300), db_port=1)
    )
    assert {name: shown[name].value for name in ("DEBUG", "ALLOWED_HOSTS", "SYNERGY_RATE_LIMIT_LOGIN", "DB_PORT")} == {
        "DEBUG": "true", "ALLOWED_HOSTS": "a.example,b.example", "SYNERGY_RATE_LIMIT_LOGIN": "5/5m", "DB_PORT": "1",
    }  # fmt: skip
    assert shown["SYNERGY_RATE_LIMIT_LOGIN"].source == "default"
    assert shown["TASKIQ_RESULT_BACKEND"].unused


def test_empty_value_is_shown_as_what_it_means():
    names = ("SYNERGY_REGISTRATION", "EMAIL_BACKEND", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "DB_DIRECT_HOST")

    def told(**changes):
        shown = by_name(Settings(db_host="db", **changes))
        assert {shown[name].source for name in names} == {"default"}
        return [shown[name].value for name in names]

    assert told() == ["open", "folder", "false", "false", "db"]
    assert told(environment="production") == ["invite", "smtp", "true", "true", "db"]
    shown = by_name(Settings(home="/srv/x"))
    assert (shown["SYNERGY_MEDIA_ROOT"].value, shown["SYNERGY_BACKUP_DIR"].value) == ("/srv/x/media", "/srv/x/backups")


@pytest.mark.parametrize("setting", [each for each in documented_settings() if each.secret], ids=lambda each: each.name)
def test_secret_is_only_said_to_be_set(setting):
    unset = by_name(Settings())[setting.name]
    assert (unset.is_secret, unset.source, unset.value, unset.default) == (True, "default", None, None)
    settings = Settings(**{setting.field: secretive(setting)})
    assert by_name(settings)[setting.name].source == "set"
    assert CANARY not in msgspec.json.encode(shown_settings(settings)).decode()


@pytest.mark.parametrize(
    "setting",
    [each for each in documented_settings() if not each.secret and each.type in (str, tuple[str, ...])],
    ids=lambda each: each.name,
)
@pytest.mark.parametrize("password", [CANARY, f"a/{CANARY}", f"{CANARY}@x", f"{CANARY},x"])
def test_password_inside_any_address_is_left_out(setting, password):
    address = f"https://user:{password}@host.example:8443/path"
    settings = Settings(**{setting.field: address if setting.type is str else ("*", address)})
    value = by_name(settings)[setting.name].value
    assert CANARY not in value
    assert value.endswith("/…@host.example:8443/path")


def test_every_setting_that_sounds_like_a_secret_is_declared_as_one():
    """A name that ends so holds what nobody may see; an address of Redis may hold a password."""
    suspicious = re.compile(r"(PASSWORD|SECRET|KEY|TOKEN|DSN|CREDENTIALS|REDIS_URL|BROKER_URL|BACKEND)(_ID)?$")
    found = {each.name for each in documented_settings() if suspicious.search(each.name)} - {"EMAIL_BACKEND"}
    assert {"SECRET_KEY", "DB_PASSWORD", "REDIS_URL"} < found
    assert [each.name for each in documented_settings() if each.name in found and not each.secret] == []


def test_settings_read_from_the_environment_are_shown_as_set():
    shown = by_name(load_settings({"REDIS_URL": f"redis://:{CANARY}@cache:6379/1", "WEB_WORKERS": "2"}))
    assert {name for name, each in shown.items() if each.source == "set"} == {"REDIS_URL", "WEB_WORKERS"}
