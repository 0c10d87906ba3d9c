"""Finds any of many secrets in much text, at the price of reading the text a few times.

Tens of thousands of tokens cannot each be looked for in megabytes. But a token has a long run of letters and digits,
and few runs of a log are long, most of them ids: so the first signs of each secret's run are kept in a set, and every
place of every long run of the text is looked up there. Short secrets, such as passwords of several words, are few; each
is looked for by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

_GRAM = 16
_MASK = "[secret]"
_RUN = re.compile(rf"[\w-]{{{_GRAM},}}", re.ASCII)
_ID = re.compile(r"[0-9a-f-]+")
# "code":"123456", code=123456, code is 123456
_CODE_IN_TEXT = re.compile(r"ode(?:\W{1,6}| is )(\d{6})(?!\d)")
_EXCERPT = 300
# of one secret: a line that is written a thousand times says no more
_LEAKS_OF_A_SECRET = 3


class Leak(NamedTuple):
    """A line with a secret in it."""

    made_in: str
    written_in: str
    excerpt: str

    def __str__(self) -> str:
        return f"made in {self.made_in}\n  written in {self.written_in}\n  {self.excerpt}"


class Finder:
    """Looks for secrets (each with the test that made it) and for six-digit codes."""

    def __init__(self, secrets: Mapping[str, str], codes: Mapping[str, str]) -> None:
        self._codes = codes
        self._grams: dict[str, str] = {}
        self._short: dict[str, str] = {}
        for secret, made_in in secrets.items():
            run = _strongest_run(secret)
            if run.startswith("eyJ"):  # a token without a signature, as attackers send: JSON that everybody can read
                continue
            if len(run) >= _GRAM:
                self._grams[run[:_GRAM]] = made_in
            else:
                self._short[secret] = made_in
                self._short[json.dumps(secret, ensure_ascii=False)[1:-1]] = made_in

    def search(self, text: str, written_in: Callable[[int], str]) -> list[Leak]:
        """The lines that hold a secret; `written_in` names the test that wrote what is at a place."""
        found = self._found(text)
        # the longest first: one may be part of another
        masks = sorted(found, key=len, reverse=True)
        leaks: list[Leak] = []
        for secret, made_in in found.items():
            for place in _places(text, secret):
                begin, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
                line = _masked(text[begin : end if end >= 0 else None], masks)
                start = max(0, line.find(_MASK) - _EXCERPT // 2)
                leaks.append(
                    Leak(_masked(made_in, masks), _masked(written_in(place), masks), line[start : start + _EXCERPT])
                )
        return leaks

    def _found(self, text: str) -> dict[str, str]:
        """What of the secrets is in the text, and which test made it."""
        found = {secret: made_in for secret, made_in in self._short.items() if secret in text}
        for run in set(_RUN.findall(text)):
            last = 1 if _ID.fullmatch(run) else len(run) - _GRAM + 1
            for start in range(last):
                made_in = self._grams.get(run[start : start + _GRAM])
                if made_in is not None:
                    found[run[start:]] = made_in
                    break
        for code in set(_CODE_IN_TEXT.findall(text)):
            if code in self._codes:
                found[code] = self._codes[code]
        return found


def _strongest_run(secret: str) -> str:
    """The signature of a JSON Web Token, whose other parts are no secret; else the longest run."""
    return max(re.findall(r"[\w-]+", secret.rpartition(".")[2], re.ASCII), key=len, default="")


def _places(text: str, secret: str) -> Iterator[int]:
    place = -1
    for _ in range(_LEAKS_OF_A_SECRET):
        place = text.find(secret, place + 1)
        if place < 0:
            return
        yield place


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text
