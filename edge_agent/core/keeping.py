"""What to make durable, and when: the pure heart of the ``keep`` task.

Urgent readings become a batch at once. Routine ones are committed in groups (within the commit
window) and cut into batches by number or age. Nothing is let go here before :meth:`Keeping.done`
says that the disk has it, so a failed commit is simply tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import inf

from cloud_sync.wire.batch import Anchor, Quantity, Sensor, Stream
from device_profiles.reading import Flag, Reading
from edge_agent.core.batching import (
    Change,
    Committed,
    Draft,
    Limits,
    Origin,
    Pending,
    Row,
    Spans,
    compose,
    cut_ms,
    drafted,
)
from edge_agent.core.coverage import Coverage, Standing
from edge_agent.core.freshness import Guard
from edge_agent.core.hearing import Kept

SPANS_COMMIT_MS = 60_000  # a quiet home: listening alone is committed once a minute
ROWS_WAITING_MAX = 50_000  # while the disk refuses to write
AT_ONCE = -inf


class Keeping:
    """Holds what is not yet durable, and remembers what is durable but not yet cut."""

    def __init__(
        self,
        origin: Origin,
        limits: Limits,
        sensors: Mapping[str, Sensor],
        coverage: Coverage,
        sign: Callable[[bytes], bytes],
        committed: Sequence[Pending] = (),
        resolution_ms: Callable[[str, str], int] = lambda _sensor, _kind: 0,
    ) -> None:
        self._origin = origin
        self._limits = limits
        self._sensors = sensors
        self._coverage = coverage
        self._sign = sign
        self._resolution_ms = resolution_ms
        self._hold(committed)
        self._urgent: list[Row] = []
        self._routine: list[Row] = []
        self._guards: dict[str, Guard] = {}
        self._spans: Spans = ()
        self._spans_at_ms = 0
        self.shed = 0

    def _hold(self, committed: Sequence[Pending]) -> None:
        """Just this is durable and not yet cut."""
        self._committed: list[Pending] = []
        self._foreign = False  # some of it is of an earlier boot
        self._oldest_ms: int | None = None
        self.uncut = 0  # readings not yet in a batch
        for pending in committed:
            self._add(pending)

    def _add(self, pending: Pending) -> None:
        """This is durable too; what follows from it is asked for at every frame."""
        self._committed.append(pending)
        self._foreign |= pending.boot_id != self._origin.boot_id
        self._oldest_ms = pending.at_ms if self._oldest_ms is None else min(self._oldest_ms, pending.at_ms)
        self.uncut += pending.readings

    @property
    def uncommitted(self) -> int:
        """Readings that wait for their commit."""
        return len(self._urgent) + len(self._routine)

    def take(self, kept: Kept) -> None:
        """A fresh frame's readings wait for their commit; beyond the maximum the frame is shed, and counted."""
        if self.uncommitted >= ROWS_WAITING_MAX:
            self.shed += len(kept.readings)
            return
        lane = self._urgent if kept.urgent else self._routine
        lane.extend(Row(kept.sensor, kept.at_ms, r.value, self._quantity(kept, r)) for r in kept.readings)
        self._guards[kept.sensor] = kept.guard

    def remember(self, sensor: str, guard: Guard) -> None:
        """A guard changed without a reading: it is committed by itself, soon."""
        self._guards[sensor] = guard

    def _quantity(self, kept: Kept, reading: Reading) -> Quantity:
        flags = int(reading.flags | Flag.PLAIN if reading.urgent and not kept.encrypted else reading.flags)
        tick_ms = self._resolution_ms(kept.sensor, reading.kind)
        return Quantity(reading.kind, reading.unit, reading.exponent, reading.form.value, flags, tick_ms)

    def next_ms(self) -> float:
        """Before then nothing is to be committed or cut, if nothing more is heard (boot clock)."""
        return min(self._keep_ms(), self._cut_ms(), self._coverage.due_ms)

    def due(self, now_ms: int) -> bool:
        """Whether there is anything to commit or to cut now."""
        return self._keep_due(now_ms) or self._cut_due(now_ms)

    def changes(
        self, now_ms: int, anchor: Callable[[], Anchor], *, everything: bool = False
    ) -> Iterator[Change]:
        """What to commit now, one transaction after the other; report each with :meth:`done` before the next."""
        if everything or self._keep_due(now_ms):
            yield self._keep(now_ms, anchor(), self._coverage.changed(now_ms))
        if everything or self._cut_due(now_ms):
            for boot_id, group in groupby(list(self._committed), key=lambda pending: pending.boot_id):
                yield self._cut(boot_id, list(group), now_ms, anchor())

    def done(self, change: Change, committed: Committed) -> None:
        """``change`` is durable."""
        if change.spent:
            self._hold([pending for pending in self._committed if pending.id not in change.spent])
            return
        if committed.pending_id is not None:
            self._add(
                Pending(
                    committed.pending_id,
                    change.boot_id,
                    change.at_ms,
                    len(change.rows),
                    tuple(change.rows),
                    change.spans,
                    change.anchor,
                )
            )
        self._let_go(change)
        self._coverage.told(change.told)

    def _let_go(self, change: Change) -> None:
        """Of what waits, just what is durable now: more may have been heard while the disk wrote."""
        del self._urgent[: sum(draft.readings for draft in change.drafts)]
        del self._routine[: len(change.rows)]
        self._guards = {s: guard for s, guard in self._guards.items() if guard is not change.guards.get(s)}
        self._spans = ()

    def _keep_due(self, now_ms: int) -> bool:
        return now_ms >= self._keep_ms() or bool(self._coverage.changed(now_ms))

    def _cut_due(self, now_ms: int) -> bool:
        return now_ms >= self._cut_ms()

    def _keep_ms(self) -> float:
        """When what waits is to be committed, whatever there is to tell of contracts."""
        if self._urgent:
            return AT_ONCE
        if self._routine:
            return self._routine[0].at_ms + self._limits.commit_window_max_s * 1000
        return AT_ONCE if self._guards else self._spans_at_ms + SPANS_COMMIT_MS

    def _cut_ms(self) -> float:
        if self._foreign:
            return AT_ONCE
        return inf if self._oldest_ms is None else cut_ms(self.uncut, self._oldest_ms, self._limits)

    def _keep(self, now_ms: int, anchor: Anchor, told: Mapping[str, Standing]) -> Change:
        """Everything that waits: urgent rows as batches of their own, the rest as pending rows."""
        self._spans += self._coverage.take_spans()
        self._spans_at_ms = now_ms
        return Change(
            boot_id=self._origin.boot_id,
            at_ms=now_ms,
            rows=tuple(self._routine),
            spans=self._spans,
            guards=dict(self._guards),
            anchor=anchor,
            drafts=tuple(self._urgent_drafts(now_ms, anchor, told)),
            told=told,
        )

    def _urgent_drafts(self, now_ms: int, anchor: Anchor, told: Mapping[str, Standing]) -> Iterator[Draft]:
        speaking = {row.sensor: self._coverage.standing(row.sensor, now_ms) for row in self._urgent}
        for rows in _chunks(self._urgent, self._limits.batch_readings_max, at_least_one=bool(told)):
            yield self._draft(self._origin, Stream.URGENT, now_ms, anchor, rows, heard={**speaking, **told})

    def _cut(self, boot_id: bytes, group: Sequence[Pending], now_ms: int, anchor: Anchor) -> Change:
        """Committed rows of one boot become batches; an earlier boot keeps its own clock."""
        ours = boot_id == self._origin.boot_id
        origin = replace(self._origin, boot_id=boot_id)
        made_ms = now_ms if ours else group[-1].at_ms
        clock = anchor if ours else group[-1].anchor
        spans = [span for pending in group for span in pending.spans]
        heard = self._coverage.heard(now_ms) if ours else {}
        rows = [row for pending in group for row in pending.rows]
        drafts = []
        for chunk in _chunks(rows, self._limits.batch_readings_max, at_least_one=True):
            drafts.append(
                self._draft(origin, Stream.ROUTINE, made_ms, clock, chunk, spans=spans, heard=heard)
            )
            spans, heard = [], {}  # said once
        return Change(boot_id, now_ms, drafts=tuple(drafts), spent=tuple(pending.id for pending in group))

    def _draft(
        self,
        origin: Origin,
        stream: Stream,
        made_ms: int,
        clock: Anchor | None,
        rows: Sequence[Row],
        *,
        spans: Sequence[tuple[int, int]] = (),
        heard: Mapping[str, Standing],
    ) -> Draft:
        batch = compose(origin, stream, made_ms, clock, rows, sensors=self._sensors, spans=spans, heard=heard)
        return drafted(batch, stream, self._sign)


def _chunks(rows: Sequence[Row], size: int, *, at_least_one: bool) -> Iterator[Sequence[Row]]:
    for start in range(0, max(len(rows), int(at_least_one)), size):
        yield rows[start : start + size]
