"""The API and the web app, as a client meets them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import wraps

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, Runbook, fault, graded, ok
from synergy_cli.doctor.http import Answer, Site, Unreachable, files_of

_TRIES = 5
_SLOW: Runbook = "responses-slow"
_DOWN: Runbook = "process-does-not-start"
_FILES: Runbook = "static-files-missing"
_SITES = {"API": Facts.the_api, "web app": Facts.the_web}


def _unreached(facts: Facts, part: str, error: Unreachable) -> Finding:
    if error.silent:
        return fault(
            f"The {part} does not answer: {error}.",
            "See whether its processes are stopped, busy, or wait for a lock.", _SLOW,
        )  # fmt: skip
    return fault(f"The {part} does not run: {error}.", f"Look at its log, and start it: {facts.start}.", _DOWN)


def _answer(part: str, path: str) -> Callable[[Callable[[Facts, Answer], Finding]], Callable[[Facts], Finding]]:
    """Makes a check of what judges the answer at `path`; where there is none, that is what it finds."""

    def check_of(judge: Callable[[Facts, Answer], Finding]) -> Callable[[Facts], Finding]:
        @wraps(judge)
        def check(facts: Facts) -> Finding:
            try:
                answer = _SITES[part](facts).get(path)
            except Unreachable as error:
                return _unreached(facts, part, error)
            return judge(facts, answer)

        return check

    return check_of


@_answer("API", "/api/health/live")
def live(facts: Facts, answer: Answer) -> Finding:
    """The process answers."""
    if answer.status != 200:
        return fault(f"The API says {answer.status} to /api/health/live.", f"Start it again: {facts.start}.", _DOWN)
    return ok("The API is alive.")


@_answer("API", "/api/health/ready")
def ready(_: Facts, answer: Answer) -> Finding:
    """It may take traffic."""
    if answer.status != 200:
        detail = _detail(answer)
        return fault(f"The API is not ready: {detail}", "See the database's checks above.", "database-refused")
    return ok("The API is ready.")


def latency(facts: Facts) -> Finding:
    """`live` touches nothing, so it is slow only when the process is."""
    site, seconds = facts.the_api(), list[float]()
    for _ in range(_TRIES):
        try:
            seconds.append(site.ask("/api/health/live").seconds)
        except Unreachable as error:
            return _unreached(facts, "API", error)
    middle = statistics.median(seconds) * 1000
    return graded(
        middle, 300, 1500, f"/api/health/live takes {middle:.0f} ms (median of {_TRIES}).",
        "See what takes the processors (top), and whether the machine swaps.", _SLOW,
    )  # fmt: skip


@_answer("API", "/api/auth/health")
def parts(_: Facts, answer: Answer) -> Finding:
    """What the API itself says of the system."""
    told = answer.json()
    bad = [f"{name} {state}" for name, state in told["services"].items() if state != "ok"]
    if bad:
        return fault(f"The API says that something is not well: {', '.join(bad)}.", "See the checks of that part.")
    return ok("The API says that each part is well.")


@_answer("API", "/api/auth/health")
def same_version(facts: Facts, answer: Answer) -> Finding:
    """A process of the release before may have been left."""
    found = answer.json()["version"]
    if found != facts.version:
        return fault(
            f"The API is {found}, and this command is of {facts.version}.",
            f"Start what is installed ({facts.start}), or use the command of that version.",
        )
    return ok(f"The API is {found}, as this command.")


@_answer("API", "/api/openapi.json")
def description(_: Facts, answer: Answer) -> Finding:
    """Clients are made from it."""
    if answer.status != 200 or not answer.json().get("paths"):
        return fault(f"The API's description is not served ({answer.status}).", "Install this release anew.")
    return ok(f"The API describes {len(answer.json()['paths'])} addresses.")


@_answer("API", "/api/v1/me")
def guarded(_: Facts, answer: Answer) -> Finding:
    """What is not public wants a sign-in."""
    if answer.status != 401 or "problem+json" not in answer.headers.get("content-type", ""):
        return fault(
            f"/api/v1/me answers {answer.status} to nobody in particular, where 401 is right.",
            "See what answers at this address: it may be another program, or a proxy that keeps answers.",
        )
    return ok("What is not public wants a sign-in.")


@_answer("web app", "/login")
def page(facts: Facts, answer: Answer) -> Finding:
    """The sign-in page is rendered."""
    if answer.status != 200 or b"<html" not in answer.body:
        return fault(
            f"The sign-in page is not rendered ({answer.status}).", f"Read the web app's log; {facts.start}.", _FILES
        )
    return ok("The sign-in page is rendered.")


@_answer("web app", "/login")
def files(facts: Facts, answer: Answer) -> Finding:
    """Each script and style that the page names is there."""
    named = files_of(answer.body)
    if not named:
        return fault("The sign-in page names no script or style.", "Build the web app anew and start it.", _FILES)
    missing = [path for path in named if not _is_served(facts.the_web(), path)]
    if missing:
        return fault(
            f"{len(missing)} of {len(named)} files of the sign-in page are missing: {missing[0]}.",
            "Build the web app anew and start it (compose: `just restart web`).", _FILES,
        )  # fmt: skip
    return ok(f"All {len(named)} files of the sign-in page are there.")


def _is_served(site: Site, path: str) -> bool:
    try:
        found = site.get(path)
    except Unreachable:
        return False
    return found.status == 200 and bool(found.body)


@_answer("web app", "/login")
def headers(_: Facts, answer: Answer) -> Finding:
    """What protects a page from others."""
    names = ("content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy")
    missing = [name for name in names if name not in answer.headers]
    if missing:
        return fault(f"Pages lack {', '.join(missing)}.", "See what stands between: a proxy may take headers away.")
    return ok("Pages carry their security headers.")


@_answer("web app", "/api/health/live")
def through_web(_: Facts, answer: Answer) -> Finding:
    """The web server passes /api/ on."""
    if answer.status != 200:
        return fault(f"Through the web app the API answers {answer.status}.", "Look at the web app's log.", _DOWN)
    return ok("The API is reached through the public port.")


def _detail(answer: Answer) -> str:
    try:
        return str(answer.json().get("detail") or answer.status)
    except ValueError:
        return f"{answer.status}."
