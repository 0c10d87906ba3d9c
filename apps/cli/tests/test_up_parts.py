"""Parts of `synergy up` that need no running system: lines, environments, the state of the web app."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from synergy_cli.up.environment import ignored, make_environments, read_settings
from synergy_cli.up.lines import Output, readable, wrap
from synergy_cli.up.web import WebApp, node_folder
from synergy_platform.settings import InvalidSettings, load_settings

SERVICES = {
    "DB_NAME": "synergyos", "DB_USER": "synergyos", "DB_PASSWORD": "made", "DB_HOST": "127.0.0.1", "DB_PORT": "6000",
    "REDIS_URL": "redis://:made@127.0.0.1:6001/0", "TASKIQ_BROKER_URL": "redis://:made@127.0.0.1:6002/0",
}  # fmt: skip
KEY = "k" * 40


@pytest.mark.parametrize(
    ("source", "line", "level", "message"),
    [
        ("postgres", "LOG:  database system is ready", "info", "database system is ready"),
        ("postgres", 'ERROR:  relation "x" does not exist', "error", 'relation "x" does not exist'),
        ("postgres", "PANIC:  could not write", "critical", "could not write"),
        (
            "postgres",
            '2026-11-23 16:00:44.788 GMT [10675] FATAL:  invalid value "lots"',
            "error",
            'invalid value "lots"',
        ),
        ("postgres", "\ta second line", "info", "a second line"),
        ("broker", "7309:M 23 Nov 2026 15:45:30.253 * Ready to accept", "info", "Ready to accept"),
        ("broker", "7309:M 23 Nov 2026 15:45:30.253 # Can't save in background", "warning", "Can't save in background"),
        ("cache", "7309:M 23 Nov 2026 15:45:30.253 . 3 clients connected", "debug", "3 clients connected"),
        ("cache", "7309:C 23 Nov 2026 15:45:30.252 # Redis version=6.2.14", "info", "Redis version=6.2.14"),
        ("cache", "9551:signal-handler (1795449387) Received SIGTERM", "info", "Received SIGTERM"),
        ("web", "listening", "info", "listening"),
    ],
)
def test_wrap_with_a_programs_own_form_finds_its_level(source: str, line: str, level: str, message: str) -> None:
    entry = wrap(source, line, is_error=False)
    assert (entry["log.level"], entry["message"], entry["service.name"]) == (level, message, f"synergy-{source}")


@pytest.mark.parametrize("line", [b"[1, 2]", b"3", b'"text"', b"{broken", b"\xff\xfe", b"null"])
def test_child_line_that_is_no_json_object_becomes_one(line: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    Output(pretty=False).child_line("web", line, is_error=False)
    assert json.loads(capfd.readouterr().out)["message"] == line.decode(errors="replace")


def test_child_line_that_is_a_json_object_passes_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    line = '{"message":"task.moved",  "request.id":"r-1"}'
    assert Output(pretty=False).child_line("api", line.encode(), is_error=False) == "task.moved"
    assert capfd.readouterr().out == f"{line}\n"


def test_readable_shows_time_source_level_and_fields() -> None:
    entry = {
        "@timestamp": "2026-11-23T15:45:30.253Z",
        "log.level": "info",
        "message": "task.moved",
        "synergy.task_id": "t",
    }
    assert readable("api", entry) == "15:45:30 api       info     task.moved task_id=t"


def environments(environ: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    settings = read_settings(environ)
    made = make_environments(environ, settings, services=SERVICES, secret_key=KEY, api_address=("127.0.0.1", 6003))
    return made.python, made.web


def test_make_environments_gives_the_processes_settings_that_load() -> None:
    python, web = environments(
        {"SYNERGY_PORT": "9000", "DB_PASSWORD_FILE": "/nowhere", "CELERY_BROKER_URL": "redis://x"}
    )
    settings = load_settings(python)
    assert settings.db_password == "made"
    assert settings.broker_url == SERVICES["TASKIQ_BROKER_URL"]
    assert settings.secret_keys == (KEY,)
    assert settings.public_url == "http://localhost:9000"
    assert (web["PORT"], web["HOST"], web["SYNERGY_API_URL"]) == ("9000", "127.0.0.1", "http://127.0.0.1:6003")


def test_make_environments_keeps_secrets_from_the_web_server(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("m")
    environ = {"SECRET_KEY": "s" * 40, "GEMINI_API_KEY": "g", "EMAIL_HOST_PASSWORD_FILE": str(tmp_path / "mail")}
    python, web = environments(environ | {"OTHER": "kept"})
    assert python["SECRET_KEY"] == "s" * 40
    assert not {"SECRET_KEY", "GEMINI_API_KEY", "EMAIL_HOST_PASSWORD_FILE", "DB_PASSWORD", "REDIS_URL"} & web.keys()
    assert web["OTHER"] == "kept"


def test_make_environments_without_bytecode_beside_the_sources_keeps_it_in_the_home(tmp_path: Path) -> None:
    python, _ = environments({"PYTHONDONTWRITEBYTECODE": "1", "SYNERGY_HOME": str(tmp_path)})
    assert python["PYTHONPYCACHEPREFIX"] == str(tmp_path / "pycache")
    assert "PYTHONDONTWRITEBYTECODE" not in python
    assert "PYTHONPYCACHEPREFIX" not in environments({})[0]


def test_make_environments_with_the_operators_public_url_keeps_it() -> None:
    python, _ = environments({"SYNERGY_PUBLIC_URL": "https://work.example.org/"})
    assert load_settings(python).public_url == "https://work.example.org"


def test_read_settings_in_production_needs_no_redis_and_no_key_of_the_operator() -> None:
    production = {"SYNERGY_ENV": "production", "ALLOWED_HOSTS": "work.example.org"}
    assert read_settings(production).is_production
    with pytest.raises(InvalidSettings, match="ALLOWED_HOSTS"):
        read_settings({"SYNERGY_ENV": "production"})


def test_ignored_names_what_has_no_effect() -> None:
    assert ignored({"DB_HOST": "db", "REDIS_URL_FILE": "/run/redis", "DB_PORT": "", "PATH": "/bin"}) == [
        "DB_HOST",
        "REDIS_URL",
    ]


@pytest.fixture
def web(tmp_path: Path) -> WebApp:
    """A web app that is installed and built."""
    folder = tmp_path / "apps" / "web"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "root.tsx").write_text("one")
    (folder / "build").mkdir()
    packages = {"node_modules/react": {"version": "19.3.1"}}
    optional = {"node_modules/for-another-platform": {"version": "1.0.0", "optional": True}}
    (folder / "package-lock.json").write_text(json.dumps({"packages": {"": {"name": "web"}} | packages | optional}))
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / ".package-lock.json").write_text(json.dumps({"packages": packages}))
    app = WebApp(folder, node_folder())
    app.stamp(app.fingerprint())
    return app


def test_web_app_that_is_installed_and_built_needs_nothing(web: WebApp) -> None:
    assert (web.needs_install(), web.needs_build()) == (False, False)


def test_web_app_with_other_locked_version_needs_install(web: WebApp) -> None:
    lockfile = web.folder / "package-lock.json"
    lockfile.write_text(lockfile.read_text().replace("19.3.1", "19.3.2"))
    assert web.needs_install()


def test_web_app_with_package_that_is_no_longer_locked_needs_install(web: WebApp) -> None:
    lockfile = web.folder / "package-lock.json"
    lockfile.write_text(lockfile.read_text().replace("node_modules/react", "node_modules/preact"))
    assert web.needs_install()


def test_web_app_without_node_modules_needs_install(web: WebApp) -> None:
    (web.folder / "node_modules" / ".package-lock.json").unlink()
    assert web.needs_install()


@pytest.mark.parametrize("path", ["apps/web/app/root.tsx", "apps/web/app/new.tsx", "packages/client/src/types.ts"])
def test_web_app_with_changed_source_needs_build(web: WebApp, tmp_path: Path, path: str) -> None:
    source = tmp_path / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("changed")
    assert web.needs_build()


def test_web_app_with_changed_test_needs_no_build(web: WebApp) -> None:
    (web.folder / "tests").mkdir()
    (web.folder / "tests" / "board.test.ts").write_text("new")
    assert not web.needs_build()


def test_web_app_lets_one_build_at_a_time(web: WebApp) -> None:
    other = WebApp(web.folder, node_folder())
    assert web.lock()
    assert not other.lock()
    web.unlock()
    assert other.lock()
    other.unlock()


def test_npm_environment_puts_node_first_and_wants_development_packages(web: WebApp) -> None:
    environment = web.npm_environment({"PATH": "/bin", "NODE_ENV": "production", "HOME": "/home/somebody"})
    assert environment["PATH"].split(os.pathsep)[0] == str(node_folder() / "bin")
    assert "NODE_ENV" not in environment
    assert environment["HOME"] == "/home/somebody"
