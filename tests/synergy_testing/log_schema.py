"""Whether log lines are what `ops/log-schema.json` says they are."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema_rs import Draft202012Validator

# every line of ours begins with it
BEGINNING = '{"@timestamp"'

_SCHEMA = Path(__file__).parents[2] / "ops" / "log-schema.json"
_VALIDATOR = Draft202012Validator(json.loads(_SCHEMA.read_text()), validate_formats=True)


def fault_of(line: str) -> str | None:
    """Why a line is none that a log pipeline could read; None when it is one."""
    try:
        entry = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    return fault_of_entry(entry)


def fault_of_entry(entry: object) -> str | None:
    """The same for a line that is decoded."""
    for error in _VALIDATOR.iter_errors(entry):
        place = "/".join(str(step) for step in error.instance_path)
        return f"{place}: {error.message}" if place else error.message
    return None
