"""The system that is watched: every process apart, with the servers that it talks to, Prometheus and Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import trustme
import yaml
from aiohttp import web
from aiosmtpd.smtp import SMTP
from chaos.clients import prepare
from chaos.system import Part
from servers import environment_of, settings_for

from synergy_domain import migrations
from synergy_domain.maintenance import Outcome, RecordInput, add_record
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import LOOPBACK, free_port
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

ROOT = Path(__file__).parents[2]
MEDIA_MB = 64
GOOD_DAYS = 60


class Outside:
    """What is not ours: a mail server, a webhook's receiver, the proxy with its certificate, who is alerted."""

    def __init__(self) -> None:
        self.mail_port, self.hook_port, self.tls_port, self.alert_port = (free_port() for _ in range(4))
        self.hook_status = 200
        # name of the alert, when it was told
        self.alerts: list[tuple[str, float]] = []
        self.firing: set[tuple[tuple[str, str], ...]] = set()
        self._authority = trustme.CA()
        self._mail: asyncio.Server | None = None
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._closing: list[Any] = []

    async def start(self) -> None:
        """Listen."""
        await self.open_mail()
        self.show_certificate(GOOD_DAYS)
        tls = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, self.tls_port, ssl=self._tls)
        for port, path, handler in (
            (self.hook_port, "/hook", self._take_hook),
            (self.alert_port, "/", self._take_alerts),
        ):
            application = web.Application()
            application.router.add_post(path, handler)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, LOOPBACK, port).start()
            self._closing.append(runner)
        self._closing.append(tls)

    async def stop(self) -> None:
        """Listen no more."""
        self.close_mail()
        for each in self._closing:
            if isinstance(each, asyncio.Server):
                each.close()
            else:
                await each.cleanup()

    async def open_mail(self) -> None:
        """Take mails."""
        loop = asyncio.get_running_loop()
        self._mail = await loop.create_server(lambda: SMTP(self, hostname="alerts"), LOOPBACK, self.mail_port)

    def close_mail(self) -> None:
        """Refuse all connections."""
        if self._mail is not None:
            self._mail.close()

    def show_certificate(self, days: float) -> None:
        """Show one that is good for so long, from the next connection on."""
        end = datetime.now(UTC) + timedelta(days=days)
        self._authority.issue_cert("localhost", not_after=end).configure_cert(self._tls)

    async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        return "250 taken"

    async def _take_hook(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.hook_status)

    async def _take_alerts(self, request: web.Request) -> web.Response:
        for alert in (await request.json())["alerts"]:
            labels = tuple(sorted(alert["labels"].items()))
            if alert["status"] == "resolved":
                self.firing.discard(labels)
            elif labels not in self.firing:
                self.firing.add(labels)
                self.alerts.append((alert["labels"]["alertname"], time.monotonic()))
        return web.Response()


class Watched:
    """All parts, and what faults need of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = Outside()
        self.refuses_wal = folder / "refuses-wal"
        # as compose does, but for where the files go
        archive = {"archive_mode": "on", "archive_command": f"test ! -e {self.refuses_wal}", "archive_timeout": "60"}
        self.postgres = EmbeddedPostgres(folder / "postgres", settings=archive)
        self.broker = EmbeddedRedis(folder / "broker", kind="broker")
        self.cache = EmbeddedRedis(folder / "cache", kind="cache")
        self.media = folder / "media"
        self.parts: dict[str, Part] = {}
        self.ports = {
            name: free_port() for name in ("api", "api-metrics", "worker-metrics", "prometheus", "alertmanager")
        }
        self.settings: Settings
        self.tokens: dict[str, str] = {}
        self.project = ""

    @property
    def can_mount(self) -> bool:
        """Whether there is a small disk that can be filled."""
        return os.geteuid() == 0

    def start_servers(self) -> None:
        """PostgreSQL, Redis and the files' disk; from the thread that lives as long as they do."""
        for service in (self.postgres, self.broker, self.cache):
            service.start()
        self.postgres.create_database("alerts")
        self.settings = settings_for(self.folder / "home", "alerts", self.postgres, self.broker, self.cache)
        self.media.mkdir()
        if self.can_mount:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEDIA_MB}m", "none", self.media], check=True)  # noqa: S603, S607 - our own words

    def stop_servers(self) -> None:
        """End all processes, and give the disk back."""
        for part in self.parts.values():
            part.stop()
        for service in (self.cache, self.broker, self.postgres):
            service.stop()
        if self.media.is_mount():
            subprocess.run(["umount", self.media], check=True)  # noqa: S603, S607 - our own words

    async def start(self) -> None:
        """The processes of the product, its first people and records, and who watches."""
        await self.outside.start()
        await asyncio.to_thread(lambda: asyncio.run(migrations.migrate(self.settings)))
        environment = environment_of(
            self.settings, WEB_WORKERS="1", SYNERGY_RATE_LIMIT_REGISTER="0", SYNERGY_RATE_LIMIT_LOGIN="0",
            SYNERGY_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8", EMAIL_BACKEND="smtp", EMAIL_HOST=LOOPBACK,
            EMAIL_PORT=str(self.outside.mail_port), EMAIL_USE_TLS="false", SYNERGY_MEDIA_ROOT=str(self.media),
            SYNERGY_PUBLIC_URL=f"https://localhost:{self.outside.tls_port}", SYNERGY_API_PORT=str(self.ports["api"]),
        )  # fmt: skip
        for name, metrics in (("api", "api-metrics"), ("worker", "worker-metrics"), ("scheduler", "")):
            command = [sys.executable, "-m", *(["synergy_api"] if name == "api" else ["synergy_worker", name])]
            port = {"SYNERGY_METRICS_PORT": str(self.ports[metrics])} if metrics else {}
            self._run(name, command, environment | port)
        connection = await asyncpg.connect(self.settings.database_url())
        self.tokens, self.project = await prepare(
            self.ports["api"], f"http://{LOOPBACK}:{self.outside.hook_port}/hook", connection.execute
        )
        await connection.close()
        for task in ("backup", "drill", "offsite_copy"):
            await self.record(task, "ok")
        self._watch()

    def _run(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.parts[name] = Part(name, command, environment, self.folder / f"{name}.log")

    def _watch(self) -> None:
        """The configurations as they are, but for where everything is."""
        config = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
        targets = {"synergy-api": self.ports["api-metrics"], "synergy-worker": self.ports["worker-metrics"]}
        config["rule_files"] = [str(ROOT / "ops/prometheus/alerts.yml")]
        config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [f"{LOOPBACK}:{self.ports['alertmanager']}"]}]}]
        }
        # no containers, so no disks of containers
        config["scrape_configs"] = [
            {"job_name": name, "static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}]}
            for name, port in targets.items()
        ]
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        (self.folder / "alert_webhook_url").write_text(f"http://{LOOPBACK}:{self.outside.alert_port}/")
        environment = {
            "PATH": os.environ["PATH"], "SYNERGY_SECRETS": str(self.folder),
            "SYNERGY_ALERTMANAGER_CONFIG": str(ROOT / "ops/alertmanager"),
        }  # fmt: skip
        made = subprocess.run(  # noqa: S603 - our own program
            [ROOT / "docker/alertmanager.sh", "config"], env=environment, capture_output=True, text=True, check=True
        )
        told = yaml.safe_load(made.stdout)
        # Alertmanager before 0.26 cannot read an address from a file
        for hook in told["receivers"][0]["webhook_configs"]:
            hook["url"] = Path(hook.pop("url_file")).read_text()
        (self.folder / "alertmanager.yml").write_text(json.dumps(told))
        for name, program, data in (
            ("alertmanager", "prometheus-alertmanager", "--storage.path"),
            ("prometheus", "prometheus", "--storage.tsdb.path"),
        ):
            command = [
                program, f"--config.file={self.folder / name}.yml", f"{data}={self.folder / 'data' / name}",
                f"--web.listen-address={LOOPBACK}:{self.ports[name]}",
            ]  # fmt: skip
            if name == "alertmanager":
                command.append("--cluster.listen-address=")
            self._run(name, command, {"PATH": os.environ["PATH"]})

    def kill(self, name: str) -> None:
        """At once, all of it."""
        self.parts[name].signal(signal.SIGKILL)

    async def record(self, task: str, outcome: Outcome) -> None:
        """A record of maintenance, as the program that did it writes one."""
        runtime = Runtime(self.settings, application="synergy-alerts")
        await runtime.open()
        now = runtime.clock.now()
        async with runtime.database.unit_of_work() as uow:
            add_record(
                uow,
                RecordInput(
                    task=task, outcome=outcome, started_at=now, finished_at=now, done_by="alerts", summary="made up"
                ),
            )
        await runtime.close()

    @contextlib.asynccontextmanager
    async def sql(self) -> AsyncGenerator[asyncpg.Connection]:
        """A connection of the superuser's."""
        connection = await asyncpg.connect(self.postgres.url("alerts", superuser=True))
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    @property
    def api_url(self) -> str:
        """Where the API's routes begin."""
        return f"http://{LOOPBACK}:{self.ports['api']}/api/v1"

    def client(self) -> httpx.AsyncClient:
        """A client of the API that is signed in."""
        headers = {"Authorization": f"Bearer {self.tokens['ada']}"}
        return httpx.AsyncClient(base_url=self.api_url, timeout=40, headers=headers)

    async def active_alerts(self) -> dict[str, str]:
        """What Prometheus sees now: name and `pending` or `firing`; HTTPError while it starts."""
        return {each["labels"]["alertname"]: each["state"] for each in (await self._prometheus("alerts"))["alerts"]}

    async def targets_up(self) -> int:
        """How many of the targets answered the last time; HTTPError while Prometheus starts."""
        return int(sum(float(each["value"][1]) for each in (await self._prometheus("query?query=sum(up)"))["result"]))

    async def _prometheus(self, path: str) -> Any:  # noqa: ANN401 - JSON of any shape
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://{LOOPBACK}:{self.ports['prometheus']}/api/v1/{path}")
        # it answers before it is ready, in words
        return answer.raise_for_status().json()["data"]
