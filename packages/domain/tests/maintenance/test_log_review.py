"""The review of logs: what it counts, and what it leaves out."""

from __future__ import annotations

import json

import pytest

from synergy_domain.maintenance import LogReview, record_review
from synergy_platform.errors import InvalidInput

ROUTE = "/api/v1/tasks/{task_id}"


def line(message="task.moved", level="info", service="synergy-api", at="2026-11-30T10:00:00.000Z", **fields):
    return json.dumps(
        {"@timestamp": at, "log.level": level, "message": message, "service.name": service, "service.version": "1",
         **fields}
    )  # fmt: skip


def request(milliseconds, status=200, route=ROUTE, service="synergy-api", **fields):
    return line(
        "http.request", service=service,
        **{
            "http.route": route, "http.request.method": "GET", "url.path": "/api/v1/tasks/WEB-12",
            "http.response.status_code": status, "event.duration": int(milliseconds * 1e6), **fields,
        },
    )  # fmt: skip


def reviewed(lines, earlier=()):
    review = LogReview()
    review.read(lines)
    return review.conclude(list(earlier))


def test_review_counts_events_levels_and_lines_that_are_no_json():
    finding = reviewed(
        [
            line(), line(), line("mail.sent", service="synergy-worker"), "2026-11-30 10:00:00 UTC LOG:  checkpoint", "",
            f"api-1  | {line('api.draining', 'warning', at='2026-12-02T10:00:00Z')}", '{"a": 1}', "{no json",
            line("Unclosed connection of ada@example.org", **{"log.logger": "asyncio"}),
        ]
    )  # fmt: skip
    assert (finding.outcome, finding.summary) == ("ok", "5 lines of 2 days: 0 errors, none new.")
    assert finding.detail["other_lines"] == 3
    assert finding.detail["levels"] == {"info": 4, "warning": 1}
    assert finding.detail["events"][0] == {
        "level": "info", "service": "synergy-api", "event": "task.moved", "count": 2,
    }  # fmt: skip
    # what a library says may name a person
    assert {each["event"] for each in finding.detail["events"]} == {
        "task.moved",
        "mail.sent",
        "api.draining",
        "asyncio",
    }
    assert "ada@example.org" not in str(finding.detail)


async def test_review_tells_kinds_of_errors_that_were_not_there_before(checks):
    first = LogReview()
    first.read([line("http.failed", "error", **{"error.type": "KeyError"})] * 3)
    async with checks.runtime.database.unit_of_work() as uow:
        finding = await record_review(checks.runtime, uow, first, done_by="ada")
    assert finding.summary == "1 new kind of errors: synergy-api: http.failed (KeyError)."

    second = LogReview()
    second.read([line("http.failed", "error", **{"error.type": "KeyError"}), line("job.dead", "error")])
    async with checks.runtime.database.unit_of_work() as uow:
        finding = await record_review(checks.runtime, uow, second, done_by="ada")
    assert (finding.outcome, finding.detail["new_error_kinds"]) == ("attention", ["synergy-api: job.dead"])
    assert finding.detail["error_kinds"] == {"synergy-api: http.failed (KeyError)": 1, "synergy-api: job.dead": 1}

    third = LogReview()
    third.read([line("job.dead", "error")])
    async with checks.runtime.database.unit_of_work() as uow:
        finding = await record_review(checks.runtime, uow, third, done_by="ada")
    assert (finding.outcome, finding.summary) == ("ok", "1 line of 0 hours: 1 error, none new.")


async def test_review_of_nothing_is_refused(checks):
    review = LogReview()
    review.read(["not a line of ours"])
    async with checks.runtime.database.unit_of_work() as uow:
        with pytest.raises(InvalidInput, match="no log line of SynergyOS"):
            await record_review(checks.runtime, uow, review, done_by="ada")


def test_review_names_slow_routes_by_their_template_and_counts_5xx_as_users_met_them():
    lines = [request(10)] * 90 + [request(1000)] * 9 + [request(5000, 500)]
    lines += [request(3_600_000, route="/api/v1/events")] + [request(2, route="/api/v1/projects")] * 5
    finding = reviewed(lines)
    [slow, quick] = finding.detail["slow_routes"]
    assert (slow["route"], slow["requests"], slow["server_errors"]) == (f"GET {ROUTE}", 100, 1)
    assert 900 < slow["p95_ms"] < 1100
    assert slow["slowest_ms"] == 5000
    assert quick["route"] == "GET /api/v1/projects"
    assert "WEB-12" not in str(finding.detail)
    assert finding.detail["http"] == {"requests": 106, "client_errors": 0, "server_errors": 1}
    assert finding.outcome == "ok"

    # with a proxy, its lines count: it answers 502 where no API does
    finding = reviewed([*lines, *[request(1, 502, route="/api/", service="synergy-proxy")] * 10])
    assert finding.detail["http"] == {"requests": 10, "client_errors": 0, "server_errors": 10}
    assert finding.summary == "10 of 10 requests were answered with 5xx."


def test_review_holds_no_more_names_than_it_may():
    finding = reviewed(line(f"made.up_{number}", "error") for number in range(5000))
    assert len(finding.detail["error_kinds"]) == 200
    assert len(finding.detail["events"]) == 60
    assert finding.detail["levels"] == {"error": 5000}
