"""The API and the web app, as a client meets them."""

from __future__ import annotations

import statistics

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, fault, graded, ok
from synergy_cli.doctor.http import Answer, Site, Unreachable, files_of

_TRIES = 5
_SLOW, _DOWN, _FILES = "responses-slow", "process-does-not-start", "static-files-missing"


def _ask(facts: Facts, site: Site, path: str, part: str) -> Answer | Finding:
    """The answer, or what is wrong when there is none."""
    try:
        return site.get(path)
    except Unreachable as error:
        if error.silent:
            return fault(
                f"The {part} does not answer: {error}.",
                "See whether its processes are stopped, busy, or wait for a lock.", _SLOW,
            )  # fmt: skip
        return fault(f"The {part} does not run: {error}.", f"Look at its log, and start it: {facts.start}.", _DOWN)


def live(facts: Facts) -> Finding:
    """The process answers."""
    answer = _ask(facts, facts.the_api(), "/api/health/live", "API")
    if isinstance(answer, Finding):
        return answer
    if answer.status != 200:
        return fault(f"The API says {answer.status} to /api/health/live.", f"Start it again: {facts.start}.", _DOWN)
    return ok("The API is alive.")


def ready(facts: Facts) -> Finding:
    """It may take traffic."""
    answer = _ask(facts, facts.the_api(), "/api/health/ready", "API")
    if isinstance(answer, Finding):
        return answer
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
            if not error.silent:
                return fault(f"The API does not run: {error}.", f"Start it: {facts.start}.", _DOWN)
            return fault(f"The API does not answer: {error}.", "Find what stops it: a signal, a full processor.", _SLOW)
    middle = statistics.median(seconds) * 1000
    return graded(
        middle, 300, 1500, f"/api/health/live takes {middle:.0f} ms (median of {_TRIES}).",
        "See what takes the processors (top), and whether the machine swaps.", _SLOW,
    )  # fmt: skip


def parts(facts: Facts) -> Finding:
    """What the API itself says of the system."""
    answer = _ask(facts, facts.the_api(), "/api/auth/health", "API")
    if isinstance(answer, Finding):
        return answer
    told = answer.json()
    bad = [f"{name} {state}" for name, state in told["services"].items() if state != "ok"]
    if bad:
        return fault(f"The API says that something is not well: {', '.join(bad)}.", "See the checks of that part.")
    return ok("The API says that each part is well.")


def same_version(facts: Facts) -> Finding:
    """A process of the release before may have been left."""
    answer = _ask(facts, facts.the_api(), "/api/auth/health", "API")
    if isinstance(answer, Finding):
        return answer
    found = answer.json()["version"]
    if found != facts.version:
        return fault(
            f"The API is {found}, and this command is of {facts.version}.",
            f"Start what is installed ({facts.start}), or use the command of that version.",
        )
    return ok(f"The API is {found}, as this command.")


def description(facts: Facts) -> Finding:
    """Clients are made from it."""
    answer = _ask(facts, facts.the_api(), "/api/openapi.json", "API")
    if isinstance(answer, Finding):
        return answer
    if answer.status != 200 or not answer.json().get("paths"):
        return fault(f"The API's description is not served ({answer.status}).", "Install this release anew.")
    return ok(f"The API describes {len(answer.json()['paths'])} addresses.")


def guarded(facts: Facts) -> Finding:
    """What is not public wants a sign-in."""
    answer = _ask(facts, facts.the_api(), "/api/v1/me", "API")
    if isinstance(answer, Finding):
        return answer
    if answer.status != 401 or "problem+json" not in answer.headers.get("content-type", ""):
        return fault(
            f"/api/v1/me answers {answer.status} to nobody in particular, where 401 is right.",
            "See what answers at this address: it may be another program, or a proxy that keeps answers.",
        )
    return ok("What is not public wants a sign-in.")


def page(facts: Facts) -> Finding:
    """The sign-in page is rendered."""
    answer = _ask(facts, facts.the_web(), "/login", "web app")
    if isinstance(answer, Finding):
        return answer
    if answer.status != 200 or b"<html" not in answer.body:
        return fault(
            f"The sign-in page is not rendered ({answer.status}).", f"Read the web app's log; {facts.start}.", _FILES
        )
    return ok("The sign-in page is rendered.")


def files(facts: Facts) -> Finding:
    """Each script and style that the page names is there."""
    site = facts.the_web()
    answer = _ask(facts, site, "/login", "web app")
    if isinstance(answer, Finding):
        return answer
    named = files_of(answer.body)
    if not named:
        return fault("The sign-in page names no script or style.", "Build the web app anew and start it.", _FILES)
    missing: list[str] = []
    for path in named:
        found = _ask(facts, site, path, "web app")
        if isinstance(found, Finding) or found.status != 200 or not found.body:
            missing.append(path)
    if missing:
        return fault(
            f"{len(missing)} of {len(named)} files of the sign-in page are missing: {missing[0]}.",
            "Build the web app anew and start it (compose: `just restart web`).", _FILES,
        )  # fmt: skip
    return ok(f"All {len(named)} files of the sign-in page are there.")


def headers(facts: Facts) -> Finding:
    """What protects a page from others."""
    answer = _ask(facts, facts.the_web(), "/login", "web app")
    if isinstance(answer, Finding):
        return answer
    names = ("content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy")
    missing = [name for name in names if name not in answer.headers]
    if missing:
        return fault(f"Pages lack {', '.join(missing)}.", "See what stands between: a proxy may take headers away.")
    return ok("Pages carry their security headers.")


def through_web(facts: Facts) -> Finding:
    """The web server passes /api/ on."""
    answer = _ask(facts, facts.the_web(), "/api/health/live", "web app")
    if isinstance(answer, Finding):
        return answer
    if answer.status != 200:
        return fault(f"Through the web app the API answers {answer.status}.", "Look at the web app's log.", _DOWN)
    return ok("The API is reached through the public port.")


def _detail(answer: Answer) -> str:
    try:
        return str(answer.json().get("detail") or answer.status)
    except ValueError:
        return f"{answer.status}."
