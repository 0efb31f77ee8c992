"""How few bytes a reading could take: the order-0 plug-in entropy of what the columns hold.

The formula, and what it leaves out, stands in ``cloud_sync/wire/SPEC.md`` ("How far from the limit").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby, pairwise
from math import log2

from cloud_sync.wire.columns import Row
from cloud_sync.wire.manifest import TEXT, TWO_STATE, Manifest, Track


def entropy_limit(manifest: Manifest, rows: Sequence[Row]) -> float:
    """Bytes a reading, for readings in order of time."""
    bits = 0.0
    for sensor, first, track in _tracks(manifest):
        mine = [row for row in rows if row[0] == sensor and first <= row[1] < first + len(track.quantities)]
        for place, quantity in enumerate(track.quantities, first):
            column = [value for _, number, _, value in mine if number == place]
            bits += _value_bits(quantity.spread, column)
        bits += _time_bits(track, first, mine)
    return bits / 8 / len(rows)


def _tracks(manifest: Manifest) -> Iterator[tuple[int, int, Track]]:
    """Each track, its sensor's number and that of its first quantity."""
    for number, sensor in enumerate(manifest.sensors):
        first = 0
        for track in sensor.tracks:
            yield number, first, track
            first += len(track.quantities)


def _value_bits(spread: int, column: Sequence[int | str]) -> float:
    if spread in {TWO_STATE, TEXT}:
        return _entropy([earlier == later for earlier, later in pairwise(column)])
    return _entropy([int(later) - int(earlier) for earlier, later in pairwise(column)])


def _time_bits(track: Track, first: int, rows: Sequence[Row]) -> float:
    moments = [(tick, list(row)) for tick, row in groupby(rows, key=lambda row: row[2] // track.tick_ms)]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(moments)]
    if track.event:
        lit = [any(row[1] == first and row[3] for row in moment) for _, moment in moments[1:]]
        return sum(
            _cell_bits([gap for gap, on in zip(gaps, lit, strict=True) if on is which])
            for which in (False, True)
        )
    periods = [(gap * track.tick_ms * 1000 + track.period_us // 2) // track.period_us for gap in gaps]
    strays = [
        gap - k * track.period_us // 1000 // track.tick_ms for gap, k in zip(gaps, periods, strict=True)
    ]
    return _entropy(periods) + _entropy(strays)


def _cell_bits(gaps: Sequence[int]) -> float:
    """By the cell of each gap (its length in bits and its top three), and the width of that cell."""
    widths = [max((gap + 1).bit_length() - 4, 0) for gap in gaps]
    cells = [(width, gap + 1 >> width) for gap, width in zip(gaps, widths, strict=True)]
    return _entropy(cells) + sum(widths)


def _entropy(values: Sequence[Hashable]) -> float:
    """Of the whole sequence, in bits: as if each value came by itself, as often as it did."""
    return -sum(count * log2(count / len(values)) for count in Counter(values).values())
