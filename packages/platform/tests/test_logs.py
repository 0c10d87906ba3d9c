"""Log lines: JSON in ECS names from every logger, and no secrets."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

from synergy_platform.logs import log_config, without_values
from synergy_platform.settings import Settings

PROGRAM = """
import logging, sys, warnings, structlog
from synergy_platform.logs import configure_logging
from synergy_platform.settings import Settings
configure_logging(Settings(log_format="json", debug={debug}), service="synergy-test", version="1.2.3")
log = structlog.stdlib.get_logger("domain.work")
structlog.contextvars.bind_contextvars(**{{"request.id": "r-1", "actor.id": "a-1"}})
nested = {{"refresh_token": "hunter2", "ok": [1, "x"]}}
log.info("task.moved", task_id="t-1", password="hunter2", nested=nested, **{{"event.duration": 5}})
log.debug("quiet")
logging.getLogger("some.library").warning("plain %s\\nsecond line", "text")
logging.getLogger("taskiq").info("from a task queue")
warnings.warn("careful")
secret_in_a_local = "hunter2"
try:
    {{}}["missing"]
except KeyError:
    log.exception("it.failed")
"""


def run(*, debug: bool = False) -> list[dict]:
    program = PROGRAM.format(debug=debug)
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stderr == ""
    assert "hunter2" not in output.stdout
    return [json.loads(line) for line in output.stdout.splitlines()]


def test_every_logger_writes_one_json_object_a_line():
    moved, plain, queue, careful, failed = run()
    assert {
        "message": "task.moved", "log.level": "info", "service.name": "synergy-test", "service.version": "1.2.3",
        "request.id": "r-1", "actor.id": "a-1", "synergy.task_id": "t-1", "event.duration": 5,
        "synergy.password": "[redacted]", "synergy.nested": {"refresh_token": "[redacted]", "ok": [1, "x"]},
    }.items() <= moved.items()  # fmt: skip
    assert plain["message"] == "plain text\nsecond line"
    assert (plain["log.logger"], plain["request.id"]) == ("some.library", "r-1")
    assert (queue["message"], queue["log.logger"]) == ("from a task queue", "taskiq")
    assert "careful" in careful["message"]
    assert (failed["error.type"], failed["message"], failed["log.level"]) == ("KeyError", "it.failed", "error")
    assert "in <module>" in failed["error.stack_trace"]
    assert all(entry["@timestamp"].endswith("Z") for entry in (moved, plain, failed))


def test_debug_lines_are_there_when_asked_for():
    assert "quiet" in [entry["message"] for entry in run(debug=True)]


def test_configuration_is_plain_data_for_another_server():
    config = log_config(msgspec.structs.replace(Settings(), log_format="json"), service="x", version="1")
    assert config["root"]["handlers"] == ["stdout"]


def levels(**settings: str) -> str:
    program = f"""
import structlog
from synergy_platform.logs import configure_logging
from synergy_platform.settings import Settings
configure_logging(Settings(**{settings!r}), service="synergy-test", version="1")
log = structlog.stdlib.get_logger("domain.work")
for level in ("debug", "info", "warning", "error"):
    getattr(log, level)(level)
password = "hunter2"
try:
    raise KeyError("missing")
except KeyError:
    log.exception("it.failed")
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_lines_below_the_level_are_not_written():
    lines = levels(log_level="warning", log_format="json").splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["warning", "error", "it.failed"]


def test_pretty_lines_are_for_people_and_show_no_local_variables():
    text = levels(log_format="pretty")
    assert "KeyError" in text
    assert "hunter2" not in text
    assert not text.startswith("{")
    assert levels(log_format="auto").startswith("{"), "no terminal, no pretty lines"


def test_what_was_to_be_stored_is_in_no_message():
    for message, left in (
        ("invalid input for query argument $2: 'secret words' (expected int)", "invalid input for query argument $2"),
        ('violates "ux"\nDETAIL:  Key (email)=(a@b.org) exists.', 'violates "ux"'),
        ("(builtins.OverflowError) out of range\n[SQL: INSERT]\n[parameters: ('a',)]",
         "(builtins.OverflowError) out of range\n[SQL: INSERT]\n"),
        ("KeyError: 'x'", "KeyError: 'x'"),
    ):  # fmt: skip
        assert without_values(message) == left
