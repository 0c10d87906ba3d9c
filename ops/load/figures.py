"""Figures of a measurement: percentiles, how certain a ratio is, and rows of a table with goals."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

_RESAMPLES = 1000


class Row(msgspec.Struct, frozen=True):
    """A line of the table; `reached` is None where no goal is set."""

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None


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
