"""A home's days as one picture: each row a day, each minute what we could see, where she showed, what we said. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final
from xml.sax.saxutils import escape

from cloud_sync.assurance.coverage import State
from cloud_sync.assurance.incident import About
from cloud_sync.assurance.local_time import MINUTE_MS, MINUTES_A_DAY, local
from cloud_sync.assurance.plan import Parameters, Question
from hil_tests.assuring.play import Told

_LEFT, _TOP, _ROW, _BAR = 92, 64, 16, 10
_WIDTH: Final = _LEFT + MINUTES_A_DAY + 20
_FILL: Final = {
    State.WATCHING: "#cfe8d5",
    State.PARTLY: "#eef0c8",
    State.BLIND: "url(#blind)",
    State.PAUSED: "#d9d9d9",
}
_WORDS: Final = {
    State.WATCHING: "watched",
    State.PARTLY: "partly watched",
    State.BLIND: "not seen",
    State.PAUSED: "paused",
}
_HATCH: Final = (
    '<defs><pattern id="blind" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="#f3c6b8"/><line x1="0" y1="0" x2="0" y2="5" stroke="#a33" stroke-width="2"/>'
    "</pattern></defs>"
)


def svg(
    told: Told, parameters: Parameters, span: tuple[int, int], *, question: Question = Question.MOVING
) -> str:
    """The picture, one self-contained SVG; coverage is that of ``question``."""
    zone = parameters.clock
    first, last = local(span[0], zone).day, local(span[1], zone).day
    height = _TOP + (last - first + 1) * _ROW + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="11">',
        _HATCH,
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        *_legend(question),
        *(_day(number - first, number) for number in range(first, last + 1)),
        *_coverage(told, parameters, span, question, first),
        *_proofs(told, parameters, first),
        *_incidents(told, parameters, first),
        *(_hour(hour, height) for hour in range(0, 25, 3)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(question: Question) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="16" font-size="13">What we could see (question: {escape(question.value)}), and when</text>'
    x = _LEFT
    for state, fill in _FILL.items():
        yield f'<rect x="{x}" y="26" width="22" height="{_BAR}" fill="{fill}" stroke="#999" stroke-width=".5"/>'
        yield f'<text x="{x + 27}" y="35">{_WORDS[state]}</text>'
        x += 130
    yield f'<rect x="{x}" y="28" width="2" height="6" fill="#1a5c2e"/><text x="{x + 8}" y="35">sure sign of her</text>'
    x += 130
    yield f'<circle cx="{x}" cy="31" r="4" fill="#b00020"/><text x="{x + 8}" y="35">incident about her</text>'
    x += 140
    yield f'<circle cx="{x}" cy="31" r="4" fill="#fff" stroke="#333"/><text x="{x + 8}" y="35">we are blind, and say so</text>'


def _day(row: int, number: int) -> str:
    return f'<text x="4" y="{_y(row) + 9}">{date.fromordinal(number):%a %d %b}</text>'


def _hour(hour: int, height: int) -> str:
    x = _LEFT + hour * 60
    return (
        f'<line x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{height - 20}" stroke="#000" stroke-opacity=".15"/>'
        f'<text x="{x}" y="{_TOP - 10}" text-anchor="middle">{hour:02}</text>'
    )


def _coverage(
    told: Told, parameters: Parameters, span: tuple[int, int], question: Question, first: int
) -> Iterator[str]:
    for stretch in told.stretches:
        if stretch.question is not question:
            continue
        until_ms = span[1] if stretch.until_ms is None else stretch.until_ms
        yield from _bars(
            max(stretch.from_ms, span[0]), until_ms, parameters, first, _FILL[stretch.state], _BAR
        )


def _proofs(told: Told, parameters: Parameters, first: int) -> Iterator[str]:
    for spell in told.proofs:
        yield from _bars(
            spell.from_ms, max(spell.to_ms, spell.from_ms + 2 * MINUTE_MS), parameters, first, "#1a5c2e", 5
        )


def _incidents(told: Told, parameters: Parameters, first: int) -> Iterator[str]:
    for one in told.incidents:
        at = local(one.raised_ms, parameters.clock)
        fill = 'fill="#b00020"' if one.about is About.PERSON else 'fill="#fff" stroke="#333"'
        yield (
            f'<circle cx="{_LEFT + at.minute:.1f}" cy="{_y(at.day - first) + 5}" r="4" {fill}>'
            f"<title>{escape(one.subject)}: {escape(one.evidence)}</title></circle>"
        )


def _bars(
    from_ms: int, until_ms: int, parameters: Parameters, first: int, fill: str, height: int
) -> Iterator[str]:
    """One bar for each day that the span touches."""
    start, end = local(from_ms, parameters.clock), local(until_ms, parameters.clock)
    for day in range(start.day, end.day + 1):
        x = start.minute if day == start.day else 0.0
        width = (end.minute if day == end.day else MINUTES_A_DAY) - x
        y = _y(day - first) + (_BAR - height) / 2
        yield f'<rect x="{_LEFT + x:.1f}" y="{y:g}" width="{width:.1f}" height="{height}" fill="{fill}"/>'


def _y(row: int) -> int:
    return _TOP + row * _ROW
