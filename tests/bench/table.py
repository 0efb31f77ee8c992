"""How figures are shown: one aligned line each, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.bench.harness import Figure, Samples

HEADINGS = ("figure", "target", "median", "", "n", "min - max", "beside", "median", "ratio", "")
ALIGNMENT = "<>><>><>><"


def lines(figures: Iterable[Figure]) -> list[str]:
    """The table: a heading, then each figure; a second peer or limit takes a line of its own."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for figure in figures:
        first, *others = figure.beside
        rows.append((*_ours(figure), *_beside(figure, first), "met" if figure.is_met else "missed"))
        rows.extend((*[""] * 6, *_beside(figure, other), "") for other in others)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_aligned(row, widths) for row in rows]


def facts(figure: Figure) -> dict[str, Any]:
    """A figure as plain values."""
    return {
        "name": figure.ours.name,
        "unit": figure.unit,
        "target": {"direction": figure.target.direction.value, "value": figure.target.value},
        **_summary(figure.ours),
        "beside": [
            {"name": other.name, **_summary(other), "ratio": figure.ratio(other)} for other in figure.beside
        ],
        "met": figure.is_met,
        "detail": figure.detail,
    }


def number(value: float) -> str:
    """A value to about three digits, thousands apart."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:,.{places}f}"


def _ours(figure: Figure) -> tuple[str, ...]:
    ours, target = figure.ours, figure.target
    low, high = ours.spread
    return (
        ours.name,
        f"{target.direction.value} {number(target.value)}",
        number(ours.median),
        figure.unit,
        str(len(ours.values)),
        f"{number(low)} - {number(high)}",
    )


def _beside(figure: Figure, other: Samples) -> tuple[str, str, str]:
    ratio = figure.ratio(other)
    return other.name, number(other.median), "" if ratio is None else f"x {number(ratio)}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, ALIGNMENT, widths, strict=True))
    return "  ".join(cells).rstrip()


def _summary(samples: Samples) -> dict[str, Any]:
    low, high = samples.spread
    return {"n": len(samples.values), "median": samples.median, "min": low, "max": high}
