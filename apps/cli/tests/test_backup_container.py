"""The backup container, as far as no container is needed: who hears of a good backup, and what counts as archived."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from synergy_cli.backup.pgbackrest import PgBackRest
from synergy_cli.backup.serving import Loop
from synergy_platform.settings import Settings


@pytest.fixture
def listener():
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def loop(tmp_path, url: str) -> Loop:
    settings = msgspec.structs.replace(Settings(), backup_heartbeat_url=url)
    engine = PgBackRest(dsn="", key=b"", media=None, root=tmp_path, work=tmp_path / "work")
    return Loop(engine, settings, {})


def test_a_good_backup_is_told_where_the_setting_says(tmp_path, listener):
    url, asked = listener
    loop(tmp_path, f"{url}/ping/abc").heartbeat()
    assert asked == ["/ping/abc"]
    loop(tmp_path, "").heartbeat()
    assert len(asked) == 1


def test_a_listener_that_is_away_harms_nothing(tmp_path):
    loop(tmp_path, "http://127.0.0.1:1/").heartbeat()
    loop(tmp_path, "hc.example.org/ping/abc").heartbeat()


def test_a_segment_that_is_still_written_is_not_there_yet(tmp_path):
    engine = PgBackRest(dsn="", key=b"", media=None, root=tmp_path, work=tmp_path / "work")
    name = "000000010000000000000005"
    folder = tmp_path / "pgbackrest/archive/synergyos/17-1" / name[:16]
    folder.mkdir(parents=True)
    written = folder / f"{name}-{'a' * 40}.zst.pgbackrest.tmp"
    written.touch()
    assert not engine._archived(name)
    written.rename(folder / f"{name}-{'a' * 40}.zst")
    assert engine._archived(name)
