"""Settings: one message with every fault, and production refuses what is unsafe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synergy_platform.env_example import env_example
from synergy_platform.settings import InvalidSettings, RateLimit, documented_settings, load_settings, written

SAFE = {
    "SYNERGY_ENV": "production", "SECRET_KEY": "k" * 40, "ALLOWED_HOSTS": "pm.example.org",
    "REDIS_URL": "redis://cache:6379/0", "TASKIQ_BROKER_URL": "redis://broker:6379/0",
}  # fmt: skip


def faults(**environ):
    with pytest.raises(InvalidSettings) as caught:
        load_settings(environ)
    return caught.value.faults


def test_nothing_set_is_a_development_instance():
    settings = load_settings({})
    assert (settings.environment, settings.registration_mode, settings.mail_backend) == (
        "development",
        "open",
        "folder",
    )
    assert settings.cookies_secure is False


def test_production_with_safe_settings_is_taken():
    settings = load_settings(SAFE)
    assert (settings.registration_mode, settings.mail_backend, settings.cookies_secure) == ("invite", "smtp", True)


@pytest.mark.parametrize(
    ("unsafe", "word"),
    [
        ({"DEBUG": "true"}, "DEBUG"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY number 1"),
        ({"SECRET_KEY": "changeme" * 5}, "placeholder"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"CORS_ALLOWED_ORIGINS": "*"}, "CORS_ALLOWED_ORIGINS"),
        ({"SESSION_COOKIE_SECURE": "no"}, "SESSION_COOKIE_SECURE"),
        ({"CSRF_COOKIE_SECURE": "0"}, "CSRF_COOKIE_SECURE"),
        ({"REDIS_URL": "redis://broker:6379/1"}, "same server"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "staging"])
def test_production_refuses_what_is_unsafe(unsafe, word, environment):
    found = faults(**{**SAFE, "SYNERGY_ENV": environment, **unsafe})
    assert len(found) == 1
    assert word in found[0]


def test_all_faults_come_in_one_message():
    found = faults(DEBUG="maybe", DB_PORT="x", SYNERGY_PORT="70000", SYNERGY_RATE_LIMIT_LOGIN="5",
                   EMAIL_BACKEND="pigeon",
                   SYNERGY_TRUSTED_PROXIES="here", SYNERGY_WEBHOOK_ALLOWED_NETWORKS="10.0.0.0/8,there",
                   WEB_WORKERS="0", SYNERGY_PUBLIC_URL="localhost")  # fmt: skip
    assert len(found) == 9


def test_address_with_a_bracket_that_does_not_close_is_a_fault():
    [fault] = faults(SYNERGY_PUBLIC_URL="http://[::1:8000")
    assert "SYNERGY_PUBLIC_URL" in fault


def test_value_of_a_secret_is_never_in_a_message():
    assert "hunter2" not in str(faults(SECRET_KEY="hunter2"))


def test_file_holds_a_value_and_must_be_readable(tmp_path):
    (tmp_path / "secret").write_text("f" * 40 + "\n")
    assert load_settings({"SECRET_KEY_FILE": str(tmp_path / "secret")}).secret_keys == ("f" * 40,)
    assert "cannot be read" in faults(SECRET_KEY_FILE=str(tmp_path / "missing"))[0]
    assert "both set" in faults(SECRET_KEY="a" * 40, SECRET_KEY_FILE=str(tmp_path / "secret"))[0]


def test_older_names_and_lists_are_read():
    settings = load_settings({"CELERY_BROKER_URL": "redis://old:1/0", "SECRET_KEY": f"{'a' * 32}, {'b' * 32}"})
    assert settings.broker_url == "redis://old:1/0"
    assert settings.secret_keys == ("a" * 32, "b" * 32)


@pytest.mark.parametrize(
    ("text", "limit"), [("5/5m", RateLimit(5, 300)), ("600/m", RateLimit(600, 60)), ("0", RateLimit(0, 1))]
)
def test_rate_limits_are_count_and_period(text, limit):
    assert load_settings({"SYNERGY_RATE_LIMIT_LOGIN": text}).rate_limit_login == limit


def test_database_url_escapes_and_knows_sockets_and_poolers():
    settings = load_settings({"DB_USER": "a@b", "DB_PASSWORD": "p/w:", "DB_HOST": "pool", "DB_DIRECT_HOST": "db"})
    assert settings.database_url() == "postgresql://a%40b:p%2Fw%3A@pool:5432/synergyos"
    assert "@db:5432" in settings.database_url(direct=True)
    assert "host=/run/pg" in load_settings({"DB_HOST": "/run/pg"}).database_url()


def test_every_setting_has_a_name_of_its_own_and_a_sentence():
    names = [setting.name for setting in documented_settings()]
    assert len(names) == len(set(names))
    assert all(setting.text for setting in documented_settings())
    assert documented_settings()[0].begins


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_production_tells_all_it_refuses_at_once(environment):
    found = faults(
        SYNERGY_ENV=environment, DEBUG="1", SECRET_KEY="changeme", CSRF_TRUSTED_ORIGINS="*",
        SESSION_COOKIE_SECURE="0", REDIS_URL="redis://one", TASKIQ_BROKER_URL="redis://:pw@one:6379/1",
    )  # fmt: skip
    words = ("DEBUG", "number 1", "placeholder", "ALLOWED_HOSTS", "must name origins", "COOKIE_SECURE", "same server")
    assert len(found) == len(words)
    assert all(any(word in fault for fault in found) for word in words)
    assert "changeme" not in str(found)
    assert "pw" not in str(found)


def test_every_secret_is_kept_out_of_every_message():
    environ = {setting.name: "hunter2" for setting in documented_settings() if setting.secret}
    with pytest.raises(InvalidSettings) as caught:
        load_settings({"SYNERGY_ENV": "production", **environ})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SYNERGY_LOG_LEVL", "SYNERGY_LOG_LEVEL"),
        ("SYNERGY_TRUSTED_PROXY", "SYNERGY_TRUSTED_PROXIES"),
        ("SYNERGY_S3_ACCESS_KEY_FILE", "SYNERGY_S3_ACCESS_KEY_ID"),
        ("SYNERGY_REQUEST_DEADLINES", "SYNERGY_REQUEST_DEADLINE"),
    ],
)
def test_misspelt_setting_is_a_fault_that_names_the_right_one(name, meant):
    assert faults(**{name: "x"}) == [f"{name} is no setting: is {meant} meant?"]


def test_names_that_other_parts_of_the_installation_read_are_no_faults():
    root = Path(__file__).parents[3]
    scripts = (path for folder in ("docker", "nginx") for path in (root / folder).rglob("*.*"))
    files = [*root.glob("compose*.yaml"), *scripts]
    names = {name for path in files for name in re.findall(r"SYNERGY_[A-Z0-9_]+", path.read_text(errors="replace"))}
    assert {"SYNERGY_VERSION", "SYNERGY_HTTP_PORT"} <= names
    settings = {setting.name for setting in documented_settings()}
    load_settings(dict.fromkeys((name for name in names if name.removesuffix("_FILE") not in settings), "x"))


@pytest.mark.parametrize("name", ["CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"])
def test_origin_that_no_browser_sends_is_a_fault(name):
    assert load_settings({name: "https://a.example,http://b.example:8080,http://[::1]:3000"})
    for wrong in (
        "a.example",
        "https://a.example/",
        "https://a.example/path",
        "ftp://a.example",
        "https://*.a.example",
    ):
        assert faults(**{name: wrong})[0].startswith(f"{name} has {wrong!r}")


def test_written_value_is_read_back():
    for setting in documented_settings():
        if setting.default is not None:
            assert load_settings({setting.name: written(setting.default)}) == load_settings({}), setting.name
    assert [written(RateLimit(5, 300)), written(RateLimit(600, 60)), written(RateLimit(0, 1))] == ["5/5m", "600/m", "0"]


def test_committed_env_example_is_what_the_settings_say():
    committed = (Path(__file__).parents[3] / ".env.example").read_text()
    assert committed == env_example(), "run: hatch run env-example"
    for setting in documented_settings():
        assert f"\n#{setting.name}={written(setting.default)}\n" in committed
        assert all(alias in committed for alias in setting.aliases)
