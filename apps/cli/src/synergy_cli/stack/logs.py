"""The lines of one request, from the proxy to background work, in the order of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from synergy_cli.stack.compose import Stack, StackError, say

# of `docker compose logs --timestamps`: the container, when Docker took the line, the line
_LINE = re.compile(r"(?P<container>\S+ +\| )(?P<at>\S+Z) (?P<text>\{.*)")


def request_logs(stack: Stack, request_id: str, services: Sequence[str], *, follow: bool) -> int:
    """Print the lines that name this request, and with `follow` those to come; 1 when there is none."""
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    logs = ("logs", "--no-color", "--timestamps")
    found = sorted_lines(stack.lines(*logs, *services), request_id)
    for line in found:
        say(line)
    if not follow:
        if not found:
            raise StackError(
                f"No line names the request {request_id}. A container keeps its last 50 MB, and a new one begins anew."
            )
        return 0
    shown = set(found)
    for line in _matching(stack.lines(*logs, "--follow", "--since", began, *services), request_id):
        if line[1] not in shown:
            say(line[1])
    return 0


def sorted_lines(lines: Iterable[str], request_id: str) -> list[str]:
    """The lines that name the request, in the order in which Docker took them: one clock for all services."""
    return [line for _, line in sorted(_matching(lines, request_id), key=lambda line: line[0])]


def _matching(lines: Iterable[str], request_id: str) -> Iterator[tuple[str, str]]:
    """When each line that names the request was taken, and the line with its container."""
    for line in lines:
        # most lines are of other requests, and reading each would take long
        if request_id not in line or (match := _LINE.match(line)) is None:
            continue
        try:
            entry = json.loads(match["text"])
        except ValueError:  # of a library that begins its text in the same way
            continue
        if entry.get("request.id") == request_id:
            yield match["at"], match["container"] + match["text"].rstrip()
