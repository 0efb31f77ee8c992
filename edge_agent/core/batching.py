"""When to commit, when to cut a batch, and what goes into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from cloud_sync.wire.batch import (
    Anchor,
    Batch,
    Heard,
    Inline,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    encode,
    indexed,
)
from cloud_sync.wire.message import Head
from edge_agent.core.coverage import Standing
from edge_agent.core.freshness import Guard

Spans = tuple[tuple[int, int], ...]

UNNUMBERED = 0  # the outbox numbers batches, in the transaction that keeps them
SOFTWARE_EPOCH_MS = 1_767_225_600_000  # 2026-01-01: no honest clock is behind the software that reads it


@dataclass(frozen=True, slots=True)
class Limits:
    """How long readings may wait, and how many may share a batch."""

    commit_window_max_s: float = 15.0
    batch_age_max_s: float = 900.0
    batch_readings_max: int = 1000


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One reading as the outbox holds it until it is cut into a batch."""

    sensor: str
    at_ms: int
    value: int | str
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks, and on which clock."""

    site: str
    hub: str
    epoch: bytes
    boot_id: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """Readings and a listening span committed together, not yet cut into a batch."""

    id: int
    boot_id: bytes
    at_ms: int
    readings: int
    rows: tuple[Row, ...]
    spans: Spans
    anchor: Anchor | None  # of that boot


@dataclass(frozen=True, slots=True)
class Written:
    """A batch as bytes: its body, the body signed, and what the next of its stream may lean on."""

    body: bytes
    signed: bytes
    inline: Inline


@dataclass(frozen=True, slots=True)
class Draft:
    """A batch to be: ``write`` is given its number, what it may lean on, and the chain in a checkpoint; its readings lie in ``from_ms..to_ms``."""

    stream: Stream
    readings: int
    from_ms: int
    to_ms: int
    write: Callable[[int, Inline | None, bytes | None], Written]


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction makes durable, all or nothing."""

    boot_id: bytes
    at_ms: int
    rows: Sequence[Row] = ()
    spans: Spans = ()
    guards: Mapping[str, Guard] = field(default_factory=dict)
    anchor: Anchor | None = None
    drafts: Sequence[Draft] = ()
    spent: Sequence[int] = ()  # pending ids that the drafts have taken up
    told: Mapping[str, Standing] = field(default_factory=dict)  # what the drafts say of sensors


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction made: the pending row's id, and the heads after each batch cut."""

    pending_id: int | None
    cut: tuple[tuple[Stream, Head], ...]


def cut_ms(readings: int, oldest_ms: int, limits: Limits) -> float:
    """When routine readings that wait, the oldest since ``oldest_ms``, should become a batch (boot clock)."""
    return oldest_ms if readings >= limits.batch_readings_max else oldest_ms + limits.batch_age_max_s * 1000


def anchor(wall_ms: int, boot_ms: int, *, synchronised: bool) -> Anchor:
    """Tie the boot clock to the wall clock, saying how far that can be believed."""
    if wall_ms < SOFTWARE_EPOCH_MS:
        return Anchor(max(wall_ms, 0), boot_ms, Quality.UNSET)
    return Anchor(wall_ms, boot_ms, Quality.SYNCED if synchronised else Quality.COARSE)


def compose(
    origin: Origin,
    stream: Stream,
    made_ms: int,
    clock: Anchor | None,
    rows: Sequence[Row],
    *,
    sensors: Mapping[str, Sensor],
    spans: Sequence[tuple[int, int]] = (),
    heard: Mapping[str, Standing] | None = None,
) -> Batch:
    """One batch, not yet numbered: the rows in time order, all sensors of the home."""
    ordered = sorted(rows, key=lambda row: row.at_ms)
    told = heard or {}
    named = indexed(sensors)  # all of the home's, so that the cloud knows of those that were never heard
    measured = indexed(row.quantity for row in ordered)
    # Nothing in a batch may lie after it was made; the clock goes on while it is put together.
    latest = [
        made_ms,
        clock.boot_ms if clock else 0,
        *(end for _, end in spans),
        *(row.at_ms for row in ordered[-1:]),
    ]
    latest += [now.last_ms or 0 for now in told.values()]
    return Batch(
        site=origin.site,
        hub=origin.hub,
        epoch=origin.epoch,
        stream=stream,
        seq=UNNUMBERED,
        boot_id=origin.boot_id,
        made_ms=max(latest),
        anchor=clock,
        sensors=tuple(sensors[address] for address in named),
        quantities=tuple(measured),
        readings=tuple(Reading(named[r.sensor], measured[r.quantity], r.at_ms, r.value) for r in ordered),
        spans=merged(spans),
        heard=tuple(Heard(named[a], now.last_ms or 0, now.kept) for a, now in told.items()),
    )


def drafted(batch: Batch, stream: Stream, sign: Callable[[bytes], bytes]) -> Draft:
    """A batch that is encoded and signed once the outbox gives it its number."""

    def write(seq: int, before: Inline | None, chain: bytes | None) -> Written:
        encoded = encode(replace(batch, seq=seq), before, chain)
        return Written(encoded.body, sign(encoded.body), encoded.inline)

    times = [reading.at_ms for reading in batch.readings] or [batch.made_ms]
    return Draft(stream, len(batch.readings), min(times), max(times), write)


def merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans in order, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
