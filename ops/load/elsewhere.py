"""A load on a system that runs somewhere, as its operator has it: more and more users, until it is slow.

It writes: a project for each token, with tasks and comments, which go into the trash at the end. So it asks for the
operator's word, `--yes-write-into HOST`, which is the name in the address.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from figures import Row
from users import TEAM, THINK_SECONDS, Address, Crowd, Level, Refused, Team, find_knee, knee, own_projects
from wire import raw

TOKEN_VARIABLE = "SYNERGY_LOAD_TOKEN"  # noqa: S105 - its name
_POLICY = re.compile(r"q=(\d+);w=(\d+)")


def address_of(url: str, *, insecure: bool) -> Address:
    """Where to connect; Refused for an address that has more than scheme, host and port."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise Refused(f"{url} is no address of a system. Write it as https://work.example.org.")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    if tls and insecure:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return Address(parts.hostname, parts.port or (443 if tls else 80), tls)


def require_word(address: Address, word: str | None) -> None:
    """Refused unless the operator named the system that is written into."""
    if word != address.host:
        raise Refused(
            f"This test makes projects, tasks and comments in {address.host}, slows it down, and moves them to the "
            f"trash afterwards. If that is what you want, say so: --yes-write-into {address.host}"
        )


def tokens_of(file: Path | None) -> list[str]:
    """A token in each line of the file, or the one of the environment; Refused where there is none."""
    if file:
        found = [line.strip() for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    else:
        found = [token] if (token := os.environ.get(TOKEN_VARIABLE, "").strip()) else []
    if not found:
        raise Refused(
            "A token of somebody who may make projects is needed: personal tokens, one a line, in --token-file FILE, "
            f"or one in {TOKEN_VARIABLE}. They are made under Profile, Security."
        )
    return found


async def _check(address: Address, tokens: list[str], most: int) -> str:
    """That each token works, and that limits allow the load; the version that answers. Refused says what to do."""
    wire = await address.connect()
    people: set[str] = set()
    allowed = float("inf")
    for number, token in enumerate(tokens, 1):
        answer = await wire.ask(raw("GET", "/api/v1/me", b"", token, host=address.host))
        if answer.status != 200:
            raise Refused(f"Token {number} does not work there: {answer.status}. Make another.")
        people.add(msgspec.json.decode(answer.body)["id"])
        policies = [
            int(count) / int(window) for count, window in _POLICY.findall(answer.headers.get("ratelimit-policy", ""))
        ]
        allowed = min([allowed, *policies])
    wire.close()
    wanted = most / THINK_SECONDS / len(people)
    if wanted > allowed:
        raise Refused(
            f"{most} users on {len(people)} account(s) ask {wanted:.0f} times a second for each, and the system allows "
            f"{allowed:.0f}. Give tokens of {-(-most // max(1, int(allowed * THINK_SECONDS)))} accounts, set "
            "SYNERGY_RATE_LIMIT_API=0 (and SYNERGY_PROXY_REQUESTS_PER_SECOND=10000) for the test and `just deploy` and "
            f"`just restart proxy`, or take --most {int(allowed * THINK_SECONDS * len(people))}."
        )
    return f"{len(people)} account(s)"


async def _measure(address: Address, tokens: list[str], *, first: int, most: int, seconds: float) -> list[Level]:
    accounts = await _check(address, tokens, most)
    crowd = Crowd(address, [Team([token]) for token in tokens])
    print(f"{address.host}: {accounts}, {crowd.most_streams} event streams at most.", file=sys.stderr)

    async def told(level: Callable[[], Awaitable[Level]]) -> Level:
        one = await level()
        print(
            f"{one.users} users: {one.per_second:.0f} requests/s, p50 {one.p50} p95 {one.p95} p99 {one.p99} ms, "
            f"errors {one.errors}{f' ({one.first_error})' if one.first_error else ''}",
            file=sys.stderr,
        )
        return one

    async with own_projects(crowd):
        return await find_knee(crowd, first=first, most=most, seconds=seconds, measure=told)


def measure_elsewhere(
    address: Address, tokens: list[str], *, first: int, most: int, seconds: float
) -> tuple[list[Row], list[Level]]:
    """Rows for the report, and the levels. Refused says what keeps it from being done."""
    try:
        levels = asyncio.run(_measure(address, tokens, first=first, most=most, seconds=seconds))
    except OSError as error:
        raise Refused(f"{address.host}:{address.port} cannot be reached: {error}") from None
    one = knee(levels)
    if one is None:
        slow = levels[-1]
        text = f"none: {slow.users} users saw p95 {slow.p95} ms and {slow.errors} errors"
        return [Row("active users carried", text, value=0)], levels
    more = "" if any(not level.holds for level in levels) else ", or more: no level was too much"
    return [
        Row("active users carried", f"{one.users}{more}", value=one.users),
        Row("requests/s then", f"{one.per_second:.0f}", value=one.per_second),
        Row("p50 / p95 / p99 then", f"{one.p50} / {one.p95} / {one.p99} ms"),
        Row("users with an account, one in ten active", f"{one.users * TEAM:,}"),
    ], levels


def level_table(levels: list[Level]) -> str:
    """As Markdown, in the order of their making."""
    names = (
        "users",
        "streams",
        "requests/s",
        "p50 / p95 / p99 ms",
        "events/s",
        "errors",
        "held",
        "client",
        "load average",
    )
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for one in levels:
        errors = f"{one.errors} ({one.first_error})" if one.first_error else "0"
        lines.append(
            f"| {one.users} | {one.streams} | {one.per_second:.0f} | {one.p50} / {one.p95} / {one.p99} | "
            f"{one.events_per_second:.0f} | {errors} | {'yes' if one.holds else 'no'} | "
            f"{one.cpu:.0%} | {one.load_average} |"
        )
    return "\n".join(lines)
