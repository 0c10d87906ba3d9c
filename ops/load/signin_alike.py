"""Whether a sign-in tells an account from a name that nobody has, and how much of a sign-in is the hash."""

from __future__ import annotations

import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from accounts import Accounts
from figures import Row, milliseconds, percentile, ratio_with_interval
from system import Target
from wire import Answer, Wire, raw_sign_in

from synergy_domain.demo import PASSWORD
from synergy_platform.passwords import PasswordHasher

# the fifth failure in a row makes the next one wait
TRIES_OF_EACH_NAME = 4
_WRONG = "look-around-sneakily"
_WITHIN = 0.03
_HASH_SHARE = 0.8
_SHARE_TRIES = 200
# what differs between any two answers: ids, dates, and what is left of a limit
_VOLATILE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|r=\d+;t=\d+|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT")


def measure_alike(target: Target, accounts: Accounts) -> list[Row]:
    """Wrong passwords for names of each kind, in random order, one after the other."""
    kinds = {
        "known": accounts.known, "unknown": accounts.unknown, "inactive": accounts.inactive,
        "without a password": accounts.without_password,
    }  # fmt: skip
    rng = random.Random(7)  # noqa: S311 - no secret
    # in random order, each kind spread over the whole time: what else the machine does meets all of them
    tries = sorted((position, kind, name) for kind, names in kinds.items() for position, name in _spread(rng, names))
    wire = Wire(target.host, target.port)
    for _ in range(10):  # connections and plans
        wire.ask(raw_sign_in(accounts.crowd[0]))
    seconds: dict[str, list[float]] = defaultdict(list)
    answers: dict[str, set[str]] = defaultdict(set)
    for number, (_, kind, name) in enumerate(tries):
        answer = wire.ask(raw_sign_in(name, _WRONG))
        seconds[kind].append(answer.seconds)
        answers[kind].add(_comparable(answer))
        if number % 500 == 499:
            print(f"{number + 1} of {len(tries)} sign-ins with a wrong password", file=sys.stderr)
    wire.close()
    return [*_answer_rows(answers), *(row for kind in kinds for row in _time_rows(kind, seconds))]


def _spread(rng: random.Random, names: list[str]) -> Iterator[tuple[float, str]]:
    """Each name several times, half of them by email address, which is another index; with a place from 0 to 1."""
    tries = [f"{name}@example.org" if number % 2 else name for number, name in enumerate(names)] * TRIES_OF_EACH_NAME
    rng.shuffle(tries)
    for number, name in enumerate(tries):
        yield (number + rng.random()) / len(tries), name


def _comparable(answer: Answer) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in sorted(answer.headers.items()))
    return _VOLATILE.sub("…", f"{answer.status}\n{headers}\n\n{answer.body.decode()}")


def _answer_rows(answers: dict[str, set[str]]) -> list[Row]:
    different = set().union(*answers.values())
    alike = len(different) == 1 and next(iter(different)).startswith("401\n")
    if not alike:
        print("Different answers:", *sorted(different)[:4], sep="\n----\n", file=sys.stderr)
    figure = f"{len(different)} different, of {len(answers)} kinds of names"
    return [Row("wrong password: status, headers and body but for ids, dates and counters", figure, "1, a 401", alike)]


def _time_rows(kind: str, seconds: dict[str, list[float]]) -> list[Row]:
    mine, known = seconds[kind], seconds["known"]
    rows = [Row(f"wrong password, {kind}: p50 / p95 of {len(mine)}", f"{milliseconds(mine, 0.5, 0.95)} ms")]
    if kind != "known":
        off = abs(median(mine) / median(known) - 1)
        figure = f"{ratio_with_interval(mine, known, median)}; of the p95 {_ratio_of_p95(mine, known)}"
        rows.append(Row(f"medians, {kind} : known", figure, "0.97 to 1.03", off <= _WITHIN))
    return rows


def _ratio_of_p95(above: list[float], below: list[float]) -> str:
    return f"{percentile(above, 0.95) / percentile(below, 0.95):.3f}"


def measure_share(target: Target, accounts: Accounts) -> list[Row]:
    """The hash alone, in this process, in turns with whole sign-ins."""
    hasher = PasswordHasher()._argon2  # noqa: SLF001 - without its queue and thread, which are not the hash
    encoded = hasher.hash(PASSWORD)
    wire = Wire(target.host, target.port)
    hashes: list[float] = []
    whole: list[float] = []
    for number in range(_SHARE_TRIES):
        began = time.perf_counter()
        hasher.verify(encoded, PASSWORD)
        hashes.append(time.perf_counter() - began)
        answer = wire.ask(raw_sign_in(accounts.crowd[0]))
        if answer.status != 200:
            raise SystemExit(f"Sign-in {number} failed: {answer.status} {answer.body.decode(errors='replace')}")
        whole.append(answer.seconds)
    wire.close()
    share = median(hashes) / median(whole)
    return [
        Row("right password: p50 / p95", f"{milliseconds(whole, 0.5, 0.95)} ms"),
        Row("the hash alone: p50 / p95", f"{milliseconds(hashes, 0.5, 0.95)} ms"),
        Row("the hash's share of a sign-in, of medians", f"{share:.0%}", f"{_HASH_SHARE:.0%}", share >= _HASH_SHARE),
    ]
