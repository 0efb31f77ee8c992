"""Readings as columns: per track its rows, then values by quantity, then times.

What moves alike stands together, as differences from what was foreseen, and the coder learns each
kind of difference apart. A reading is a plain tuple ``(sensor, quantity, at_ms, value)``: indices
into the manifest, boot clock, integer or text. ``SPEC.md`` ("Columns") is the definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress, islice
from operator import itemgetter, sub, xor
from typing import Any, Final

from cloud_sync.wire import blocks
from cloud_sync.wire.coder import Reader, Writer
from cloud_sync.wire.errors import WireError
from cloud_sync.wire.limits import READINGS_MAX, TEXT_MAX_CHARS, VALUE_MAX
from cloud_sync.wire.manifest import TEXT, TWO_STATE, Manifest

Row = tuple[int, int, int, int | str]

_TOGGLING: Final = 1  # the spread of a two-state quantity that turned out to have more states


@dataclass(frozen=True, slots=True)
class _Column:
    """A quantity of the manifest, compiled."""

    quantity: int  # index along its sensor's quantities
    spread: int
    recent: int
    toggled: int  # the question of a two-state one


@dataclass(frozen=True, slots=True)
class _Track:
    """A track of the manifest, compiled: blocks instead of hints, and whose it is."""

    sensor: int
    columns: tuple[_Column, ...]
    event: bool
    tick_ms: int
    period_us: int
    skip: int
    noise: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A manifest compiled for coding."""

    tracks: tuple[_Track, ...]
    quantities: tuple[int, ...]  # how many, by sensor

    @classmethod
    def of(cls, manifest: Manifest) -> Layout:
        """Compile a manifest; do it once for each."""
        tracks, quantities = [], []
        for number, sensor in enumerate(manifest.sensors):
            first = 0
            for t in sensor.tracks:
                columns = tuple(
                    _Column(first + place, q.spread, q.recent, blocks.TOGGLED + (place > 0))
                    for place, q in enumerate(t.quantities)
                )
                first += len(columns)
                tracks.append(
                    _Track(number, columns, t.event, t.tick_ms, t.period_us, t.skip, blocks.NOISE + t.noise)
                )
            quantities.append(first)
        return cls(tuple(tracks), tuple(quantities))


@dataclass(slots=True)
class _Group:
    """The readings of one track: rows of one time each, values by column."""

    ticks: list[int]
    masks: list[int]  # by row: which columns have a value in it
    columns: list[list[Any]]


def encode_columns(layout: Layout, rows: Iterable[Row], start_ms: int) -> bytes:
    """Readings as bytes.

    Args:
        layout: of the manifest that the readings' indices mean.
        rows: in any order.
        start_ms: boot clock, not after the first of them, and known to the decoder.

    Raises:
        WireError: a value is not of its quantity's form or outside its limits, an index is not in
            the manifest, or a time is before ``start_ms``.
    """
    writer = Writer(blocks.FRESH)
    write_columns(writer, layout, rows, start_ms)
    return writer.finish()


def decode_columns(
    layout: Layout, data: bytes, count: int, start_ms: int, *, readings_max: int = READINGS_MAX
) -> list[Row]:
    """Inverse of :func:`encode_columns`, in time order; readings of one time in the manifest's order.

    A time comes back rounded down to its track's tick: never later than it happened.

    Raises:
        WireError: the bytes do not hold exactly ``count`` readings within the limits.
    """
    return read_columns(Reader(blocks.FRESH, data), layout, count, start_ms, readings_max=readings_max)


def latest_ms(layout: Layout, rows: Iterable[Row]) -> dict[int, int]:
    """Of each sensor in ``rows``, in any order, the time of the last one, as it decodes."""
    ticks = {(t.sensor, column.quantity): t.tick_ms for t in layout.tracks for column in t.columns}
    latest: dict[int, int] = {}
    for sensor, quantity, at_ms, _ in rows:
        tick_ms = ticks[sensor, quantity]
        latest[sensor] = max(at_ms // tick_ms * tick_ms, latest.get(sensor, 0))
    return latest


def write_columns(writer: Writer, layout: Layout, rows: Iterable[Row], start_ms: int) -> None:
    """As :func:`encode_columns`, after whatever the writer holds already."""
    try:
        groups = _grouped(layout, rows)
        for track, group in zip(layout.tracks, groups, strict=True):
            _write_group(writer, track, group, start_ms // track.tick_ms)
    except (TypeError, AttributeError) as error:
        raise WireError("a value is not of its quantity's form: a text or a number out of place") from error
    except IndexError as error:
        raise WireError("a reading names a sensor or quantity that the manifest does not") from error


def read_columns(
    reader: Reader, layout: Layout, count: int, start_ms: int, *, readings_max: int = READINGS_MAX
) -> list[Row]:
    """As :func:`decode_columns`, after whatever was read already."""
    if not 0 <= count <= readings_max:
        raise WireError(f"the batch claims {count} readings; the most is {readings_max}")
    rows: list[Row] = []
    for track in layout.tracks:
        length = reader.unsigned(blocks.ROWS + track.event)
        if length > count - len(rows):
            raise WireError("the columns hold more readings than the batch claims")
        if length:
            rows += _read_group(reader, track, length, start_ms // track.tick_ms, count - len(rows))
    if len(rows) != count:
        raise WireError(f"the columns hold {len(rows)} readings; the batch claims {count}")
    rows.sort(key=itemgetter(2))
    return rows


def _grouped(layout: Layout, rows: Iterable[Row]) -> list[_Group]:
    """Sort readings into tracks; those of one tick share a row until a quantity comes twice."""
    groups = [_Group([], [], [[] for _ in track.columns]) for track in layout.tracks]
    places: list[list[Any]] = [[None] * quantities for quantities in layout.quantities]
    for track, group in zip(layout.tracks, groups, strict=True):
        for place, column in enumerate(track.columns):
            into = group.ticks, group.masks, track.tick_ms, 1 << place, group.columns[place]
            places[track.sensor][column.quantity] = into
    for sensor, quantity, at_ms, value in sorted(rows, key=itemgetter(2)):
        ticks, masks, tick_ms, bit, values = places[sensor][quantity]
        tick = at_ms // tick_ms
        if ticks and ticks[-1] == tick and not masks[-1] & bit:
            masks[-1] |= bit
        else:
            ticks.append(tick)
            masks.append(bit)
        values.append(value)
    return groups


def _write_group(writer: Writer, track: _Track, group: _Group, start: int) -> None:
    writer.unsigned(blocks.ROWS + track.event, len(group.ticks))
    if not group.ticks:
        return
    if group.ticks[0] < start:
        raise WireError("a reading lies before the batch's start")
    if len(track.columns) > 1:
        _write_masks(writer, group.masks, len(track.columns))
    for column, values in zip(track.columns, group.columns, strict=True):
        if values:
            _write_values(writer, column, values)
    gaps = list(map(sub, group.ticks, [start, *group.ticks]))
    if track.event:
        for block, gap in zip(_gap_blocks(group.masks, group.columns[0]), gaps, strict=True):
            writer.unsigned(block, gap)
    else:
        _write_periods(writer, track, gaps)


def _read_group(reader: Reader, track: _Track, length: int, start: int, most: int) -> Iterator[Row]:
    masks = _read_masks(reader, length, len(track.columns))
    columns = []
    for place, column in enumerate(track.columns):
        present = length if masks is None else sum(mask >> place & 1 for mask in masks)
        most -= present
        if most < 0:
            raise WireError("the columns hold more readings than the batch claims")
        columns.append(_read_values(reader, column, present) if present else [])
    if track.event:
        gaps = reader.unsigned_each(_gap_blocks(masks or [1] * length, columns[0]))
    else:
        gaps = _read_periods(reader, track, length)
    tick_ms = track.tick_ms
    times = [tick * tick_ms for tick in islice(accumulate(gaps, initial=start), 1, None)]
    if times[-1] >= VALUE_MAX:
        raise WireError("a reading's time is beyond all clocks")
    return _rows_of(track, times, masks, columns)


def _rows_of(
    track: _Track, times: list[int], masks: list[int] | None, columns: list[list[Any]]
) -> Iterator[Row]:
    sensor = track.sensor
    for place, (column, values) in enumerate(zip(track.columns, columns, strict=True)):
        quantity = column.quantity
        present = times if masks is None else compress(times, (mask >> place & 1 for mask in masks))
        for at_ms, value in zip(present, values, strict=True):
            yield sensor, quantity, at_ms, value


def _write_masks(writer: Writer, masks: Sequence[int], width: int) -> None:
    full = (1 << width) - 1
    writer.flags(blocks.INCOMPLETE, [mask != full for mask in masks])
    for mask in masks:
        if mask != full:
            writer.raw(mask, width)


def _read_masks(reader: Reader, length: int, width: int) -> list[int] | None:
    """By row which quantities it has; None if each row has all."""
    if width == 1:
        return None
    incomplete = reader.flags(blocks.INCOMPLETE, length)
    if not any(incomplete):
        return None
    full = (1 << width) - 1
    masks = [reader.raw(width) if lacks else full for lacks in incomplete]
    if not all(masks):
        raise WireError("a row holds no reading")
    return masks


def _write_values(writer: Writer, column: _Column, values: Sequence[Any]) -> None:
    spread = column.spread
    if spread == TEXT:
        _write_texts(writer, values)
        return
    if min(values) < -VALUE_MAX or max(values) >= VALUE_MAX:
        raise WireError("a value is no signed 64-bit integer")
    if spread == TWO_STATE:
        more = not {0, 1}.issuperset(values)
        writer.flags(blocks.NOT_TWO_STATE, [more])
        if not more:
            writer.flags(column.toggled, map(xor, values, chain([0], values)))
            return
        spread = _TOGGLING
    first = values[0] - column.recent
    writer.unsigned(blocks.FIRST_VALUE, 2 * first if first >= 0 else -2 * first - 1)
    writer.signed(spread, map(sub, values[1:], values))


def _read_values(reader: Reader, column: _Column, count: int) -> list[Any]:
    spread = column.spread
    if spread == TEXT:
        return _read_texts(reader, count)
    if spread == TWO_STATE:
        [more] = reader.flags(blocks.NOT_TWO_STATE, 1)
        if not more:
            return list(accumulate(reader.flags(column.toggled, count), xor))
        spread = _TOGGLING
    folded = reader.unsigned(blocks.FIRST_VALUE)
    first = -(folded + 1 >> 1) if folded & 1 else folded >> 1
    values = list(accumulate(reader.signed(spread, count - 1), initial=column.recent + first))
    if min(values) < -VALUE_MAX or max(values) >= VALUE_MAX:
        raise WireError("a value is no signed 64-bit integer")
    return values


def _write_texts(writer: Writer, texts: Sequence[str]) -> None:
    before = ""
    for text in texts:
        writer.flags(blocks.SAME_TEXT, [text == before])
        if text != before:
            _write_text(writer, text)
        before = text


def _write_text(writer: Writer, text: str) -> None:
    if len(text) > TEXT_MAX_CHARS:
        raise WireError(f"a text is longer than {TEXT_MAX_CHARS} characters")
    octets = text.encode()
    writer.unsigned(blocks.TEXT_LENGTH, len(octets))
    writer.raw(int.from_bytes(octets, "little"), 8 * len(octets))


def _read_texts(reader: Reader, count: int) -> list[str]:
    texts, before = [], ""
    for _ in range(count):
        [same] = reader.flags(blocks.SAME_TEXT, 1)
        before = before if same else _read_text(reader)
        texts.append(before)
    return texts


def _read_text(reader: Reader) -> str:
    length = reader.unsigned(blocks.TEXT_LENGTH)
    if length > 4 * TEXT_MAX_CHARS:
        raise WireError(f"a text is longer than {TEXT_MAX_CHARS} characters")
    try:
        text = reader.raw(8 * length).to_bytes(length, "little").decode()
    except UnicodeDecodeError as error:
        raise WireError("a text is not UTF-8") from error
    if len(text) > TEXT_MAX_CHARS:
        raise WireError(f"a text is longer than {TEXT_MAX_CHARS} characters")
    return text


def _gap_blocks(masks: Sequence[int], values: Sequence[Any]) -> list[int]:
    """The block of each row's gap: people stay away for long, but "clear" follows soon on "motion"."""
    value = iter(values)
    following = [blocks.GAP + bool(mask & 1 and next(value)) for mask in masks]
    return [blocks.FIRST_TIME + 1, *following[1:]]


def _write_periods(writer: Writer, track: _Track, gaps: Sequence[int]) -> None:
    """Each gap as whole periods, less the usual number, and what is left over in ticks."""
    writer.unsigned(blocks.FIRST_TIME, gaps[0])
    period_us, tick_ms = track.period_us, track.tick_ms
    skips, noises = [], []
    for gap in gaps[1:]:
        periods = (gap * tick_ms * 1000 + period_us // 2) // period_us
        skips.append(periods - track.skip)
        noises.append(gap - periods * period_us // 1000 // tick_ms)
    writer.signed(blocks.SKIP, skips)
    writer.signed(track.noise, noises)


def _read_periods(reader: Reader, track: _Track, length: int) -> list[int]:
    first = reader.unsigned(blocks.FIRST_TIME)
    period_us, tick_ms = track.period_us, track.tick_ms
    periods = [track.skip + skip for skip in reader.signed(blocks.SKIP, length - 1)]
    noises = reader.signed(track.noise, length - 1)
    gaps = [n * period_us // 1000 // tick_ms + noise for n, noise in zip(periods, noises, strict=True)]
    if min(periods, default=0) < 0 or min(gaps, default=0) < 0:
        raise WireError("a track runs backwards in time")
    return [first, *gaps]
