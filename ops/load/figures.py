"""Figures of a measurement: percentiles, how certain a ratio is, and rows of a table with goals."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

_RESAMPLES = 1000


class Row(msgspec.Struct, frozen=True):
    """A line of the table; `reached` is None where no goal is set.

    With a `value` it is compared with the one of an earlier run: `better` says in which direction it improves, and
    `tolerance` by which part it may be worse before that is called a regression.
    """

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None
    value: float | None = None
    better: Literal["higher", "lower"] = "higher"
    tolerance: float = 0.3


def at_least(what: str, value: float, goal: float, unit: str) -> Row:
    """A figure that has to be so high."""
    return Row(what, f"{value:,.0f}{unit}", f"{goal:,.0f}{unit}", value >= goal, value)


def at_most(what: str, value: float, goal: float, unit: str) -> Row:
    """A figure that may be so high."""
    return Row(what, f"{value:.1f}{unit}", f"at most {goal:g}{unit}", value <= goal, value, "lower")


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all is not above."""
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * part)]


def milliseconds(values: Sequence[float], *parts: float) -> str:
    """These percentiles of seconds."""
    return " / ".join(f"{percentile(values, part) * 1000:.2f}" for part in parts)


def interval(
    above: Sequence[float], below: Sequence[float], figure: Callable[[Sequence[float]], float]
) -> tuple[float, float]:
    """Where the ratio of two such figures lies with 95 % certainty: by drawing from both anew, again and again."""
    rng = random.Random(1)  # noqa: S311 - the same draws each time
    ratios = sorted(
        figure(rng.choices(above, k=len(above))) / figure(rng.choices(below, k=len(below))) for _ in range(_RESAMPLES)
    )
    return ratios[_RESAMPLES * 25 // 1000], ratios[_RESAMPLES * 975 // 1000 - 1]


def ratio_with_interval(
    above: Sequence[float], below: Sequence[float], figure: Callable[[Sequence[float]], float]
) -> str:
    """The ratio, and between what it lies."""
    low, high = interval(above, below, figure)
    return f"{figure(above) / figure(below):.4f} (95 %: {low:.4f} to {high:.4f})"


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    verdict = {True: "reached", False: "short", None: ""}
    lines = ["| what | figure | goal |  |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.figure} | {row.goal} | {verdict[row.reached]} |" for row in rows]
    return "\n".join(lines)
