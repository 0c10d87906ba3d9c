"""Spans: which are recorded, how many wait, and where they are sent."""

from __future__ import annotations

import time

import pytest
from prometheus_client import REGISTRY

from synergy_platform.settings import InvalidSettings, load_settings
from synergy_platform.spans import MOST_WAITING, Tracer
from synergy_platform.tracing import Tracing, parse_trace_parent, trace_parent
from synergy_testing.collectors import collector, silent_server

# a fixture that is defined elsewhere
__all__ = ["collector"]

WANTED = f"00-{'a' * 32}-{'b' * 16}-01"
UNWANTED = f"00-{'c' * 32}-{'b' * 16}-00"


def tracer(url: str, **more: str) -> Tracer:
    return Tracer(load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **more}), "synergy-test")


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("synergy_trace_spans_total", {"outcome": outcome}) or 0


async def recorded(collector, **more: str) -> dict[str, int]:
    """How many of 40 spans each came: for callers that want a record, that want none, and that say nothing."""
    made = tracer(collector.url, **more)
    for _ in range(40):
        for name, parent in (("wanted", WANTED), ("unwanted", UNWANTED), ("alone", None)):
            with made.start(name, "server", parent):
                pass
    await made.close(5)
    names = [span["name"] for span in collector.spans()]
    return {name: names.count(name) for name in ("wanted", "unwanted", "alone")}


async def test_all_are_recorded_but_what_the_caller_does_not_want(collector):
    assert await recorded(collector) == {"wanted": 40, "unwanted": 0, "alone": 40}


async def test_share_that_is_recorded_is_that_of_the_setting(collector):
    found = await recorded(collector, OTEL_TRACES_SAMPLER_ARG="0.5")
    assert found["wanted"] == 40
    assert 5 < found["alone"] < 35
    assert found["unwanted"] == 0


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("always_on", (40, 40, 40)),
        ("always_off", (0, 0, 0)),
        ("parentbased_always_off", (40, 0, 0)),
        ("parentbased_always_on", (40, 0, 40)),
    ],
)
async def test_sampler_of_the_setting_decides(collector, sampler, expected):
    assert tuple((await recorded(collector, OTEL_TRACES_SAMPLER=sampler)).values()) == expected


async def test_spans_go_to_the_collector_of_the_setting_with_its_headers(collector):
    made = tracer(f"{collector.url}/", OTEL_EXPORTER_OTLP_HEADERS="X-Scope=one,Authorization=Basic%20abc%3D")
    with made.start("a", "server", None):
        pass
    await made.close(5)
    [(path, headers, _)] = collector.requests
    assert (path, headers["x-scope"], headers["authorization"]) == ("/v1/traces", "one", "Basic abc=")


async def test_what_waits_for_a_collector_that_says_nothing_is_bounded_and_the_rest_counted():
    with silent_server() as port:
        made = tracer(f"http://127.0.0.1:{port}")
        dropped = counted("dropped")
        for _ in range(5 * MOST_WAITING):
            with made.start("a", "server", None):
                pass
        assert made._queue.waiting <= MOST_WAITING
        # the thread has taken some of them
        assert 3 * MOST_WAITING <= counted("dropped") - dropped <= 4 * MOST_WAITING
        began = time.monotonic()
        await made.close(0.5)
        assert time.monotonic() - began < 1


async def test_sent_spans_are_counted(collector):
    sent = counted("sent")
    await recorded(collector)
    assert counted("sent") - sent == 80


async def test_span_is_the_parent_of_what_happens_in_it(collector):
    tracing = Tracing(load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}), "synergy-test")
    tracing.open()
    with tracing.span("outer", "server", None):
        with tracing.span("inner", "client", trace_parent.get(), {"a": 1}):
            pass
        with pytest.raises(ValueError, match="secret"), tracing.span("failed", "client", trace_parent.get()):
            raise ValueError("secret")
    assert trace_parent.get() is None
    await tracing.close(5)
    by_name = {span["name"]: span for span in collector.spans()}
    assert by_name["inner"]["parent"] == by_name["failed"]["parent"] == by_name["outer"]["id"]
    assert by_name["inner"]["attributes"] == {"a": 1}
    assert (by_name["failed"]["failed"], by_name["failed"]["attributes"]) == (True, {"error.type": "ValueError"})


@pytest.mark.parametrize(
    "text",
    [
        "", "00", WANTED.upper(), f"01{WANTED[2:]}", f"{WANTED}-more", f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01", f" {WANTED}", f"{WANTED}\n",
    ],
)  # fmt: skip
def test_what_is_no_trace_parent_is_not_carried_on(text):
    assert parse_trace_parent(text) is None
    assert parse_trace_parent(WANTED) == WANTED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no-equals-sign"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ("SENTRY_DSN", "https://sentry.example.org/7"),
    ],
)
def test_setting_that_cannot_be_used_is_named(name, value):
    with pytest.raises(InvalidSettings, match=name):
        load_settings({name: value})
