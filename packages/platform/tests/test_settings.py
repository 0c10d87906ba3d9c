"""Settings: one message with every fault, and production refuses what is unsafe."""

from __future__ import annotations

import pytest

from synergy_platform.settings import InvalidSettings, RateLimit, documented_settings, load_settings

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
                   SYNERGY_TRUSTED_PROXIES="here", WEB_WORKERS="0", SYNERGY_PUBLIC_URL="localhost")  # fmt: skip
    assert len(found) == 8


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
