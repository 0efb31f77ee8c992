"""The hub's half of the sync protocol: what to send now, and what may be forgotten.

A batch is forgotten only on a receipt whose chain hash is our own; a broker's
acknowledgement means nothing here. The driver (``uplink.py``) calls:

    session_opened(now) -> after a believed cursor, once a session
    due(now)            -> batches to (re)send now, urgent first, within the window
    receipt(...)        -> the head up to which the stream may be forgotten, or None
    next_due()          -> when to look again
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Head

WINDOW_BATCHES = {Stream.URGENT: 32, Stream.ROUTINE: 8}  # sent and not yet receipted
RESEND_FIRST_S = {Stream.URGENT: 1.0, Stream.ROUTINE: 15.0}
RESEND_MAX_S = 300.0
REFUSED_RETRY_S = 3600.0  # a refused batch is kept, an alarm is up: no use in hammering


class HistoryError(Exception):
    """The cloud's history of a stream is not ours: its chain hash differs, or it is ahead of us."""


@dataclass(slots=True)
class _Waiting:
    """A batch the cloud has not receipted."""

    seq: int
    chain: bytes
    due_at: float = 0.0  # 0: never sent in this session
    attempts: int = 0
    held: bool = False  # the cloud has it, above a gap


@dataclass(slots=True)
class _Lane:
    """One stream: what waits, in order, and the last head that was receipted."""

    head: Head
    waiting: dict[int, _Waiting] = field(default_factory=dict)


class Sender:
    """State of one hub's two streams, from the heads last receipted; ``chance`` gives numbers in [0, 1)."""

    def __init__(self, heads: dict[Stream, Head], chance: Callable[[], float]) -> None:
        self._lanes = {stream: _Lane(head) for stream, head in heads.items()}
        self._chance = chance
        self._open = False

    def cut(self, stream: Stream, head: Head) -> None:
        """A batch has been committed to the outbox and waits to be sent; ``head`` is the stream's with it."""
        self._lanes[stream].waiting[head.seq] = _Waiting(head.seq, head.chain)

    def waiting(self, stream: Stream) -> int:
        """How many batches of a stream have no receipt yet."""
        return len(self._lanes[stream].waiting)

    def newest(self, stream: Stream) -> int:
        """The highest sequence number cut in a stream, 0 before the first."""
        lane = self._lanes[stream]
        return next(reversed(lane.waiting), lane.head.seq)

    def session_opened(self) -> None:
        """The cursor was believed: everything without a receipt is due, oldest first."""
        self._open = True
        for lane in self._lanes.values():
            for batch in lane.waiting.values():
                batch.due_at, batch.attempts, batch.held = 0.0, 0, False

    def session_closed(self) -> None:
        """The connection is gone: nothing is due until the next session."""
        self._open = False

    def due(self, now: float) -> list[tuple[Stream, int]]:
        """Batches to send now, urgent before routine, oldest first; marks them as sent."""
        if not self._open:
            return []
        return [
            (stream, batch.seq)
            for stream in Stream
            for batch in self._window(stream)
            if batch.due_at <= now and self._mark_sent(stream, batch, now)
        ]

    def next_due(self) -> float | None:
        """When the next batch falls due; None while nothing waits or no session is open."""
        if not self._open:
            return None
        return min((batch.due_at for stream in Stream for batch in self._window(stream)), default=None)

    def receipt(self, stream: Stream, head: Head, held: tuple[tuple[int, int], ...] = ()) -> int | None:
        """Take the cloud's word for one stream. Returns the sequence number up to which to forget, or None.

        Raises:
            HistoryError: the chain hash at the head is not ours; nothing may be forgotten.
        """
        lane = self._lanes[stream]
        if head.seq < lane.head.seq:
            return None  # an old receipt overtaken by a newer one
        if head.chain != self._own_chain(lane, head.seq):
            raise HistoryError(
                f"the cloud's account of the {stream.name.lower()} stream at {head.seq} is not ours"
            )
        for seq in [seq for seq in lane.waiting if seq <= head.seq]:
            del lane.waiting[seq]
        for batch in self._window(stream):
            batch.held = any(first <= batch.seq <= last for first, last in held)
        moved = head.seq > lane.head.seq
        lane.head = head
        return head.seq if moved else None

    def refused(self, stream: Stream, seq: int, now: float) -> None:
        """The cloud did not believe a batch: keep it, try again much later."""
        if batch := self._lanes[stream].waiting.get(seq):
            batch.due_at = now + REFUSED_RETRY_S

    def _own_chain(self, lane: _Lane, seq: int) -> bytes | None:
        if seq == lane.head.seq:
            return lane.head.chain
        batch = lane.waiting.get(seq)
        return batch.chain if batch else None

    def _window(self, stream: Stream) -> list[_Waiting]:
        """The oldest unreceipted batches that may be under way, those the cloud holds left out."""
        lane = self._lanes[stream]
        oldest = islice(lane.waiting.values(), WINDOW_BATCHES[stream])  # in order: cut adds at the end
        return [batch for batch in oldest if not batch.held]

    def _mark_sent(self, stream: Stream, batch: _Waiting, now: float) -> bool:
        """First resend after a fixed time, then exponential with full jitter (fleets must not march in step)."""
        first = RESEND_FIRST_S[stream]
        backoff = min(RESEND_MAX_S, first * 2**batch.attempts)
        batch.due_at = now + (first if batch.attempts == 0 else first + self._chance() * backoff)
        batch.attempts += 1
        return True
