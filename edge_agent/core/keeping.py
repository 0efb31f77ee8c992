"""What to make durable, and when: the pure heart of the ``keep`` task.

Urgent readings become a batch at once. Routine ones are committed in groups (within the commit
window) and cut into batches by number or age. Nothing is let go here before :meth:`Keeping.done`
says that the disk has it, so a failed commit is simply tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

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
    cut_due,
    drafted,
)
from edge_agent.core.coverage import Coverage, Standing
from edge_agent.core.freshness import Guard
from edge_agent.core.hearing import Kept

SPANS_COMMIT_MS = 60_000  # a quiet home: listening alone is committed once a minute
ROWS_WAITING_MAX = 50_000  # while the disk refuses to write


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
        """This is durable and not yet cut; what follows from it is asked for at every frame."""
        self._committed = list(committed)
        self._foreign = any(pending.boot_id != self._origin.boot_id for pending in committed)
        self._oldest_ms = min((pending.at_ms for pending in committed), default=None)
        self.uncut = sum(pending.readings for pending in committed)  # readings not yet in a batch

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
        lane.extend(Row(kept.sensor, kept.at_ms, self._quantity(kept, r), r.value) for r in kept.readings)
        self._guards[kept.sensor] = kept.guard

    def remember(self, sensor: str, guard: Guard) -> None:
        """A guard changed without a reading: it is committed by itself, soon."""
        self._guards[sensor] = guard

    def _quantity(self, kept: Kept, reading: Reading) -> Quantity:
        flags = int(reading.flags | Flag.PLAIN if reading.urgent and not kept.encrypted else reading.flags)
        tick_ms = self._resolution_ms(kept.sensor, reading.kind)
        return Quantity(reading.kind, reading.unit, reading.exponent, reading.form.value, flags, tick_ms)

    def next_ms(self, latest_ms: int) -> int:
        """When the next commit is due if nothing more is heard, but not after ``latest_ms``."""
        if self._urgent:
            return min(latest_ms, self._urgent[0].at_ms)
        if self._routine:
            return min(latest_ms, self._routine[0].at_ms + round(self._limits.commit_window_max_s * 1000))
        return latest_ms

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
            pending = Pending(
                committed.pending_id,
                change.boot_id,
                change.at_ms,
                len(change.rows),
                tuple(change.rows),
                change.spans,
                change.anchor,
            )
            self._hold([*self._committed, pending])
        self._urgent, self._routine, self._guards, self._spans = [], [], {}, ()
        self._coverage.told(change.told)

    def _keep_due(self, now_ms: int) -> bool:
        return bool(self._urgent or self._window_over(now_ms) or self._coverage.changed(now_ms))

    def _cut_due(self, now_ms: int) -> bool:
        return self._foreign or cut_due(self.uncut, self._oldest_ms, now_ms, self._limits)

    def _window_over(self, now_ms: int) -> bool:
        if self._routine:
            return now_ms - self._routine[0].at_ms >= self._limits.commit_window_max_s * 1000
        if self._guards:
            return True
        return now_ms - self._spans_at_ms >= SPANS_COMMIT_MS

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
