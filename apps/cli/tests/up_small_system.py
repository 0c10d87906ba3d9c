"""`synergy up` with small programs in the places of the API, the worker and the scheduler; test_up.py runs it.

PostgreSQL, Redis and the supervisor are the real ones. SMALL_<NAME> replaces a program's source; WEB_FOLDER names a
web app.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from synergy_cli.up.main import main
from synergy_cli.up.system import Programs
from synergy_cli.up.web import WebApp, node_folder

API = """
import http.server, json, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health/ready" else 404)
        self.end_headers()

    def log_message(self, form, *values):
        print(json.dumps({"message": "http.request", "log.level": "info", "url.path": self.path}))

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
address = (os.environ["SYNERGY_API_HOST"], int(os.environ["SYNERGY_API_PORT"]))
http.server.HTTPServer(address, Handler).serve_forever()
"""
IDLE = "import sys, time; print('not JSON from', {name!r}); print('on stderr', file=sys.stderr); time.sleep(600)"


def program(name: str, source: str) -> list[str]:
    """The command line of a small program."""
    return [sys.executable, "-c", os.environ.get(f"SMALL_{name.upper()}", source), name]


if __name__ == "__main__":
    folder = os.environ.get("WEB_FOLDER")
    sys.exit(
        main(
            web=WebApp(Path(folder), node_folder()) if folder else False,
            demo=bool(os.environ.get("DEMO")),
            programs=Programs(
                migrate=program("migrate", "print('migrated')"),
                demo=program("demo", "print('filled')"),
                api=program("api", API),
                worker=program("worker", IDLE.format(name="worker")),
                scheduler=program("scheduler", IDLE.format(name="scheduler")),
            ),
        )
    )
