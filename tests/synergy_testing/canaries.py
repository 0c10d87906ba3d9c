"""No secret that comes into being during a test run stands in a log line or an error answer of that run, and every log
line of it fits the schema.

A pytest plugin, loaded for every test. Passwords, tokens, codes and keys are noted where all of them pass: where the
product makes, hashes or encrypts them, and in what HTTP clients of tests send and receive (so those of other processes
are known too). Every line that this process logs, in the product's own form, and everything that the processes of tests
write is kept until the end and then searched once. A secret in it fails the run; the report does not show the secret.
"""

from __future__ import annotations

import asyncio.subprocess
import bisect
import contextlib
import functools
import json
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import LogCapture

from synergy_platform.logs import configure_logging
from synergy_platform.passwords import PasswordHasher
from synergy_platform.secretbox import SecretBox
from synergy_platform.settings import Settings
from synergy_platform.tokens import JwtSigner
from synergy_testing.finding import Finder, Leak
from synergy_testing.log_schema import BEGINNING, fault_of

_OURS = ("synergy_api", "synergy_cli", "synergy_domain", "synergy_platform", "synergy_worker")
# what the client and the servers of the tests say of themselves; the product has none of them
_OF_THE_TESTS = ("httpx", "httpcore", "werkzeug", "aiohttp.access", "mail.")

_SHORTEST = 10
_DIFFERENT_SIGNS = 6
_SHOWN_SIGNS = 400
# a leak in something that every test does would fill the screen
_SHOWN_REPORTS = 40
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET_FIELD = re.compile(r"password|secret|token|recovery|device_id", re.IGNORECASE)
_SECRET_FIELD_OF_BYTES = re.compile(_SECRET_FIELD.pattern.encode() + rb"|code", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(r"SECRET_KEY$|PASSWORD$|API_KEY$")
_PASSWORD_OF_URL = re.compile(r"//[^/@\s]*:([^/@\s]+)@")
_LINK_OF_MAIL = re.compile(r"(?:token=|/unsubscribe/)([\w-]{20,})")
_CODE = re.compile(r"(?<!\w)\d{6}(?!\w)")
_NO_TEXT = re.compile(r"[\w+/=.-]+")


class Canaries:
    """The secrets of this process's tests, and everything that may not hold them."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="synergy-canaries-"))
        # as it is given: a place in the file is a place in what was written
        self._lines = (self._folder / "lines").open("w", encoding="utf-8", errors="replace", newline="")
        self._written = 0
        self._marks: list[tuple[int, str]] = []
        self._watched: dict[tuple[int, int], tuple[str, Path]] = {}
        self._homes: set[Path] = set()
        self.checked = 0
        self.misfits: dict[str, str] = {}

    def add(self, *values: object) -> None:
        """Secrets; an id is none, nor what is too short to be told from other words, nor the same letter many times."""
        for value in values:
            if (
                isinstance(value, str)
                and len(value) >= _SHORTEST
                and len(set(value)) >= _DIFFERENT_SIGNS
                and _ID.fullmatch(value) is None
            ):
                self.secrets.setdefault(value, _current_test())

    def add_code(self, *codes: str) -> None:
        """Codes of six digits, which are looked for beside the word "code" only."""
        for code in codes:
            if _CODE.fullmatch(code):
                self.codes.setdefault(code, _current_test())

    def add_fields(self, content: object) -> None:
        """The secrets in a JSON document, known by the names of their fields."""
        if isinstance(content, list):
            for item in content:
                self.add_fields(item)
        elif isinstance(content, dict):
            for name, value in content.items():
                if name == "code" and isinstance(value, str):
                    self.add_code(value)
                    if not value.isdecimal() and " " not in value and any(map(str.isdigit, value)):
                        self.add(value)  # a recovery code, or that of a provider; not the code of a problem
                elif _SECRET_FIELD.search(name):
                    self.add(*(value if isinstance(value, list) else [value]))
                if isinstance(value, (dict, list)):
                    self.add_fields(value)

    def add_environment(self, environ: Mapping[str, str]) -> None:
        """The secrets that a process is given; those that it makes are read from its home at the end."""
        for name, value in environ.items():
            if _SECRET_VARIABLE.search(name):
                self.add(*value.split(","))
            self.add(*_PASSWORD_OF_URL.findall(value))
        if "SYNERGY_HOME" in environ:
            self._homes.add(Path(environ["SYNERGY_HOME"]))

    def keep(self, text: str) -> None:
        """Lines to search at the end."""
        test = _current_test()
        if not self._marks or self._marks[-1][1] != test:
            self._marks.append((self._written, test))
        self._written += self._lines.write(f"{text}\n")

    def check(self, line: str, test: str | None = None) -> None:
        """Remember what is wrong with a log line of ours, if anything is: once for each fault."""
        self.checked += 1
        if (fault := fault_of(line)) is not None:
            self.misfits.setdefault(fault, f"{test or _current_test()}\n  {line[:_SHOWN_SIGNS]}")

    def watch(self, log: Path) -> None:
        """A file that a process writes to; it is read at the end, even if the test has deleted it by then."""
        log.touch()
        status = log.stat()
        if (status.st_dev, status.st_ino) not in self._watched:
            kept = self._folder / f"{len(self._watched)}.log"
            try:
                kept.hardlink_to(log)
            except OSError:  # another disk
                kept = log
            self._watched[status.st_dev, status.st_ino] = (_current_test(), kept)

    def new_file(self) -> Path:
        """A file for the output of a process that nobody else reads."""
        return self._folder / f"unread-{secrets.token_hex(8)}.log"

    def leaks(self) -> tuple[list[Leak], int]:
        """Where a secret stands, and how many characters were searched."""
        for home in self._homes:
            for name in ("secret-key", "postgres/password", "postgres/superuser-password"):
                with contextlib.suppress(OSError):
                    self.add((home / name).read_text().strip())
        for phrase in [secret for secret in self.secrets if " " in secret]:
            if phrase in _our_words():  # a sentence of ours has it, whatever a test took it for
                del self.secrets[phrase]
        finder = Finder(self.secrets, self.codes)
        found: list[Leak] = []
        length = 0
        for test, text in self._texts():
            found += finder.search(text, test)
            length += len(text)
        return found, length

    def check_watched(self) -> None:
        """Check the log lines of the processes that tests started."""
        for test, path in self._watched.values():
            with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    # the last line of a process that was killed may be a part of one
                    if line.startswith(BEGINNING) and line.endswith("\n"):
                        self.check(line, test)

    def close(self) -> None:
        """Delete what was kept."""
        self._lines.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _texts(self) -> Iterator[tuple[Callable[[int], str], str]]:
        """Each text, and which test wrote what begins at a place of it."""
        self._lines.flush()
        with (self._folder / "lines").open(encoding="utf-8", newline="") as lines:
            text = lines.read()
        places = [place for place, _ in self._marks]
        yield lambda place: self._marks[bisect.bisect(places, place) - 1][1], text
        for test, path in self._watched.values():
            with contextlib.suppress(FileNotFoundError):
                yield lambda _, test=test: test, path.read_text(encoding="utf-8", errors="replace")


RUN: Canaries | None = None


def watch_log(log: Path) -> None:
    """Search what a process that a test starts will write to this file; only where `subprocess` is not used for it."""
    if RUN is not None:
        RUN.watch(log)


@functools.cache
def _our_words() -> str:
    """The product's own source."""
    folders = [Path(__file__).parents[2] / part for part in ("packages", "apps")]
    return "\n".join(path.read_text() for folder in folders for path in sorted(folder.glob("*/src/**/*.py")))


def _current_test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0] or "what comes before or after the tests"


class _Lines(logging.Handler):
    """Keeps each line as the product would write it, and prints it, so that it stands in the report of a failure."""

    def __init__(self, canaries: Canaries, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._canaries = canaries
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OF_THE_TESTS):
            return
        try:
            line = self.format(record)
            self._canaries.keep(line)
            self._canaries.check(line)
            sys.stdout.write(f"{line}\n")
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)


def _log_as_the_product_does(canaries: Canaries, patch: pytest.MonkeyPatch) -> logging.Handler:
    """Every logger writes through the product's processors and formatter to one handler of ours."""
    configure_logging(Settings(log_format="json"), service="synergy-test", version="0")
    logging.captureWarnings(capture=False)  # pytest makes errors of them
    root = logging.getLogger()
    handler = _Lines(canaries, root.handlers[0].formatter)
    root.handlers[:] = [handler]
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)

    # a test that captures lines of structlog takes the product's processors away: give them the line first
    processors = structlog.get_config()["processors"].copy()
    capture = LogCapture.__call__

    def capture_and_log(self: LogCapture, logger: Any, method: str, event: dict[str, Any]) -> None:
        with contextlib.suppress(structlog.DropEvent):
            line: Any = event.copy()
            for processor in processors:
                line = processor(logger, method, line)
            arguments, named = line
            getattr(logger, method)(*arguments, **named)
        capture(self, logger, method, event)

    patch.setattr(LogCapture, "__call__", capture_and_log)
    return handler


def _note_where_secrets_are_made(canaries: Canaries, patch: pytest.MonkeyPatch) -> None:
    from synergy_domain.identity.mfa import recovery

    token_urlsafe, sign, new_codes = secrets.token_urlsafe, JwtSigner.sign, recovery.new_codes
    hash_password, verify, encrypt = PasswordHasher._hash, PasswordHasher._verify, SecretBox.encrypt

    def noted_token(nbytes: int | None = None) -> str:
        token = token_urlsafe(nbytes)
        canaries.add(token)
        return token

    def noted_sign(self: JwtSigner, *args: Any, **kwargs: Any) -> str:
        token = sign(self, *args, **kwargs)
        canaries.add(token)
        return token

    def noted_codes() -> list[str]:
        codes = new_codes()
        canaries.add(*codes)
        return codes

    async def noted_hash(self: PasswordHasher, password: str) -> str:
        canaries.add(password)
        return await hash_password(self, password)

    async def noted_verify(self: PasswordHasher, encoded: str | None, password: str) -> bool:
        canaries.add(password)
        return await verify(self, encoded, password)

    def noted_encrypt(self: SecretBox, secret: str) -> bytes:
        if _NO_TEXT.fullmatch(secret):  # of a webhook, of an authenticator
            canaries.add(secret)
        else:  # a mail
            canaries.add(*_LINK_OF_MAIL.findall(secret))
            canaries.add_code(*_CODE.findall(secret))
        return encrypt(self, secret)

    patch.setattr(secrets, "token_urlsafe", noted_token)
    patch.setattr(JwtSigner, "sign", noted_sign)
    patch.setattr(recovery, "new_codes", noted_codes)
    patch.setattr(PasswordHasher, "_hash", noted_hash)
    patch.setattr(PasswordHasher, "_verify", noted_verify)
    patch.setattr(SecretBox, "encrypt", noted_encrypt)


def _note_what_is_sent_and_answered(canaries: Canaries, patch: pytest.MonkeyPatch) -> None:
    """Secrets of requests and answers become known; answers that refuse are kept, to be searched like lines."""

    def note(request: httpx.Request, answer: httpx.Response) -> None:
        canaries.add(request.headers.get("authorization", "").partition(" ")[2])
        with contextlib.suppress(httpx.RequestNotRead):
            _add_document(canaries, request.content)
        for cookie in answer.headers.get_list("set-cookie"):
            canaries.add(cookie.partition(";")[0].partition("=")[2].strip('"'))
        if answer.is_stream_consumed:
            _add_document(canaries, answer.content)
            if answer.is_error:
                canaries.keep(f"answer {answer.status_code}: {answer.text}")

    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def noted_send(self: httpx.Client, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        answer = send(self, request, **kwargs)
        note(request, answer)
        return answer

    async def noted_send_async(self: httpx.AsyncClient, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        answer = await send_async(self, request, **kwargs)
        note(request, answer)
        return answer

    patch.setattr(httpx.Client, "send", noted_send)
    patch.setattr(httpx.AsyncClient, "send", noted_send_async)


def _add_document(canaries: Canaries, content: bytes) -> None:
    if content[:1] in {b"{", b"["} and _SECRET_FIELD_OF_BYTES.search(content):
        with contextlib.suppress(ValueError, RecursionError):
            canaries.add_fields(json.loads(content))


def _keep_what_processes_write(canaries: Canaries, patch: pytest.MonkeyPatch) -> None:
    """asyncio starts its processes by `subprocess.Popen` too."""
    begin, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate
    communicate_async = asyncio.subprocess.Process.communicate

    def watched_begin(self: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:
        canaries.add_environment(kwargs.get("env") or {})
        with contextlib.ExitStack() as opened:
            for name in ("stdout", "stderr"):
                target = kwargs.get(name)
                if target == subprocess.DEVNULL:
                    target = kwargs[name] = opened.enter_context(canaries.new_file().open("wb"))
                path = getattr(target, "name", None)
                if isinstance(path, str) and Path(path).is_file():
                    canaries.watch(Path(path))
            begin(self, *args, **kwargs)

    def keep(outputs: Iterable[str | bytes | None]) -> None:
        for output in outputs:
            if output:
                canaries.keep(output if isinstance(output, str) else output.decode(errors="replace"))

    def kept_communicate(self: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> Any:
        outputs = communicate(self, *args, **kwargs)
        keep(outputs)
        return outputs

    async def kept_communicate_async(self: asyncio.subprocess.Process, *args: Any, **kwargs: Any) -> Any:
        outputs = await communicate_async(self, *args, **kwargs)
        keep(outputs)
        return outputs

    patch.setattr(subprocess.Popen, "__init__", watched_begin)
    patch.setattr(subprocess.Popen, "communicate", kept_communicate)
    patch.setattr(asyncio.subprocess.Process, "communicate", kept_communicate_async)


class _Plugin:
    """Installs all of it for the run, and fails the run at its end; with xdist each process reports to the first."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[str] = []
        self._secrets = self._length = self._lines = 0
        self._patch = pytest.MonkeyPatch()
        self._canaries = Canaries()
        self._handler = _log_as_the_product_does(self._canaries, self._patch)
        _note_where_secrets_are_made(self._canaries, self._patch)
        _note_what_is_sent_and_answered(self._canaries, self._patch)
        _keep_what_processes_write(self._canaries, self._patch)

    @property
    def canaries(self) -> Canaries:
        return self._canaries

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of a parallel run has ended."""
        found = getattr(node, "workeroutput", {}).get("canaries")
        if found is not None:
            self._add(*found)

    @pytest.hookimpl(trylast=True)  # what has the length of the session ends before
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Search."""
        leaks, length = self._canaries.leaks()
        self._canaries.check_watched()
        reports = [str(leak) for leak in leaks]
        for fault, line in self._canaries.misfits.items():
            reports.append(f"does not fit ops/log-schema.json: {fault}\n  written in {line}")
        if self._handler not in logging.getLogger().handlers:
            reports.append("a test took the handler of log lines away: what came after it was not searched")
        secrets_known = len(self._canaries.secrets) + len(self._canaries.codes)
        self._add(reports, secrets_known, length, self._canaries.checked)
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["canaries"] = (self._reports, self._secrets, self._length, self._lines)
        elif self._reports and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found, and in how much: a search of nothing is no proof."""
        searched = f"{self._secrets} secrets looked for in {self._length:,} characters of log lines and error answers"
        if not self._reports:
            terminalreporter.line(f"{searched}: none is there; {self._lines:,} log lines fit ops/log-schema.json")
            return
        terminalreporter.section("secrets in log lines or error answers, or lines that do not fit", red=True)
        terminalreporter.line(f"{searched}; {self._lines:,} log lines")
        for report in self._reports[:_SHOWN_REPORTS]:
            terminalreporter.line(report)
        if len(self._reports) > _SHOWN_REPORTS:
            terminalreporter.line(f"and {len(self._reports) - _SHOWN_REPORTS} more")

    def _add(self, reports: list[str], number: int, length: int, lines: int) -> None:
        self._reports += reports
        self._secrets += number
        self._length += length
        self._lines += lines

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind."""
        self._patch.undo()
        self._canaries.close()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with the run."""
    global RUN  # noqa: PLW0603 - one run in a process
    plugin = _Plugin(config)
    config.pluginmanager.register(plugin, "canaries")
    RUN = plugin.canaries
