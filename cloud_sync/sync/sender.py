"""The hub's half of the sync protocol: what to send now, and what may be forgotten. README.md tells it in words.

A batch counts as delivered only on a receipt whose chain hash is our own; a broker's acknowledgement
means nothing here. Delivered batches are retained for a while, so that a cloud restored from a backup
can be refilled; what is no longer held is answered by name (a *gone* item). The driver calls:

    cursor(...)   a believed cursor: where the cloud stands; opens the session
    due(now)      what to (re)send now: urgent before routine, oldest first, within the window
    receipt(...)  the cloud's word for one stream
    next_due()    when to look again
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Head

WINDOW_BATCHES = {Stream.URGENT: 32, Stream.ROUTINE: 8}  # sent and not yet receipted
RESEND_FIRST_S = {Stream.URGENT: 1.0, Stream.ROUTINE: 15.0}
RESEND_MAX_S = 300.0
REFUSED_RETRY_S = 3600.0  # a refused batch is kept, an alarm is up: no use in hammering
LOWER_RECEIPTS_MAX = 3  # receipts may overtake each other, but not so often: the cloud has lost something


class HistoryError(Exception):
    """The cloud's history of a stream is not a beginning of ours: it is ahead of us, or its chain differs."""

    def __init__(self, stream: Stream, told: Head) -> None:
        super().__init__(f"the cloud's account of the {stream.name.lower()} stream at {told.seq} is not ours")
        self.stream = stream
        self.told = told


class LostGroundError(Exception):
    """The cloud stands behind what it has receipted: a new session must tell where."""


@dataclass(frozen=True, slots=True)
class Item:
    """What stands at ``first..last`` of a stream: one batch, or a gap that can only be named (``gone``)."""

    first: int
    head: Head  # after this item
    gone: bool = False


@dataclass(slots=True)
class _Sending:
    """How often and when an item is to be sent in this session."""

    item: Item
    due_at: float = 0.0
    attempts: int = 0
    held: bool = False  # the cloud has it, above a gap


@dataclass(slots=True)
class _Lane:
    """One stream. ``items`` are all we hold, oldest first, by last number; those past ``head`` wait."""

    floor: Head  # the end of what is no longer held
    head: Head  # how far the cloud has receipted
    items: dict[int, Item] = field(default_factory=dict)
    waiting: dict[int, _Sending] = field(default_factory=dict)
    asked: dict[int, _Sending] = field(default_factory=dict)  # the cloud wants these again
    lower_receipts: int = 0

    @property
    def newest(self) -> int:
        return next(reversed(self.items), self.floor.seq)


class Sender:
    """State of one hub's two streams; ``chance`` gives numbers in [0, 1)."""

    def __init__(
        self,
        floors: Mapping[Stream, Head],
        receipted: Mapping[Stream, Head],
        items: Mapping[Stream, Sequence[Item]],
        chance: Callable[[], float],
    ) -> None:
        self._chance = chance
        self._generation: bytes | None = None  # of the store that the open session speaks to
        self._lanes = {stream: _Lane(floors[stream], receipted[stream]) for stream in Stream}
        for stream, held in items.items():
            for item in held:
                self._add(self._lanes[stream], item)

    def cut(self, stream: Stream, head: Head) -> None:
        """A batch has been committed to the outbox; ``head`` is the stream's with it."""
        self._add(self._lanes[stream], Item(head.seq, head))

    def shed(self, stream: Stream, gone: Item) -> None:
        """The outbox had to let go of a span that has no receipt: only its name is left."""
        lane = self._lanes[stream]
        for seq in [seq for seq in lane.items if gone.first <= seq <= gone.head.seq]:
            del lane.items[seq]
            lane.waiting.pop(seq, None)
        lane.items = dict(sorted([*lane.items.items(), (gone.head.seq, gone)]))
        self._rebuild_waiting(lane)

    def pruned(self, stream: Stream, floor: Head) -> None:
        """Receipted items up to ``floor`` are no longer retained."""
        lane = self._lanes[stream]
        lane.floor = floor
        lane.items = {seq: item for seq, item in lane.items.items() if seq > floor.seq}

    def waiting(self, stream: Stream) -> int:
        """How many items of a stream have no receipt yet."""
        return len(self._lanes[stream].waiting)

    def newest(self, stream: Stream) -> int:
        """The highest sequence number cut in a stream, 0 before the first."""
        return self._lanes[stream].newest

    def cursor(self, heads: Mapping[Stream, Head], generation: bytes) -> dict[Stream, Head]:
        """Open a session where the cloud says it stands; it may have gone back (a restored backup).

        Args:
            heads: how far it holds each stream.
            generation: of its store; receipts of another store are not taken in this session.

        Returns:
            Streams whose receipted head moved forward, with the new head.

        Raises:
            HistoryError: its history is not a beginning of ours; nothing was changed.
        """
        for stream, head in heads.items():
            if not self._is_ours(self._lanes[stream], head):
                raise HistoryError(stream, head)
        moved = {stream: head for stream, head in heads.items() if head.seq > self._lanes[stream].head.seq}
        for stream, head in heads.items():
            lane = self._lanes[stream]
            lane.head, lane.lower_receipts = head, 0
            self._rebuild_waiting(lane)
        self._generation = generation
        return moved

    def closed(self) -> None:
        """The connection is gone: nothing is due until the next cursor."""
        self._generation = None

    def due(self, now: float) -> list[tuple[Stream, Item]]:
        """Items to send now, urgent before routine, oldest first; marks them as sent."""
        if self._generation is None:
            return []
        return [
            (stream, self._mark_sent(stream, sending, now))
            for stream in Stream
            for sending in list(self._window(stream))
            if sending.due_at <= now
        ]

    def next_due(self) -> float | None:
        """When the next item falls due; None while nothing waits or no session is open."""
        if self._generation is None:
            return None
        return min((sending.due_at for stream in Stream for sending in self._window(stream)), default=None)

    def receipt(
        self, stream: Stream, head: Head, held: Sequence[tuple[int, int]], generation: bytes
    ) -> Head | None:
        """Take the cloud's word for one stream. Returns the head if it moved forward.

        Raises:
            HistoryError: the chain hash at the head is not ours; nothing was changed.
            LostGroundError: another store answers, or again and again it stands behind what it had receipted.
        """
        lane = self._lanes[stream]
        if generation != self._generation:
            raise LostGroundError
        if head.seq < lane.head.seq:
            lane.lower_receipts += 1
            if lane.lower_receipts >= LOWER_RECEIPTS_MAX:
                raise LostGroundError
            return None
        if not self._is_ours(lane, head):
            raise HistoryError(stream, head)
        moved = head if head.seq > lane.head.seq else None
        lane.head, lane.lower_receipts = head, 0
        for seq in [seq for seq in lane.waiting if seq <= head.seq]:
            del lane.waiting[seq]
        for sending in self._window(stream, everything=True):
            sending.held = any(
                first <= sending.item.first and sending.item.head.seq <= last for first, last in held
            )
        return moved

    def asked(self, stream: Stream, first: int, last: int) -> None:
        """The cloud wants a range again: what we hold of it is due once more, and the rest by name."""
        lane = self._lanes[stream]
        if first <= lane.floor.seq:
            before = lane.asked.get(lane.floor.seq)
            first = min(first, before.item.first) if before else first
            lane.asked[lane.floor.seq] = _Sending(Item(first, lane.floor, gone=True))
        wanted = (seq for seq in lane.items if first <= seq <= last and seq not in lane.waiting)
        for seq in islice(wanted, WINDOW_BATCHES[stream]):
            lane.asked[seq] = _Sending(lane.items[seq])

    def refused(self, stream: Stream, seq: int, now: float) -> None:
        """The cloud did not believe a batch: keep it, try again much later."""
        if sending := self._lanes[stream].waiting.get(seq):
            sending.due_at = now + REFUSED_RETRY_S

    def _add(self, lane: _Lane, item: Item) -> None:
        lane.items[item.head.seq] = item
        if item.head.seq > lane.head.seq:
            lane.waiting[item.head.seq] = _Sending(item)

    def _rebuild_waiting(self, lane: _Lane) -> None:
        """Everything past the cloud's head waits; what we no longer hold of it waits as a gap with a name."""
        lane.waiting = {}
        if lane.head.seq < lane.floor.seq:
            lane.waiting[lane.floor.seq] = _Sending(Item(lane.head.seq + 1, lane.floor, gone=True))
        lane.waiting.update((seq, _Sending(item)) for seq, item in lane.items.items() if seq > lane.head.seq)

    def _is_ours(self, lane: _Lane, head: Head) -> bool:
        """Whether a head is a point of our own history; where we no longer know the chain, we believe it."""
        if head.seq < lane.floor.seq or head in (lane.head, lane.floor):
            return True
        item = lane.items.get(head.seq)
        if item is not None:
            return item.head == head
        return any(gap.gone and gap.first <= head.seq < gap.head.seq for gap in lane.items.values())

    def _window(self, stream: Stream, *, everything: bool = False) -> Iterator[_Sending]:
        """The oldest items that may be under way; those the cloud holds already keep their place but rest."""
        lane = self._lanes[stream]
        yield from lane.asked.values()
        oldest = islice(lane.waiting.values(), WINDOW_BATCHES[stream])  # in order
        yield from (sending for sending in oldest if everything or not sending.held)

    def _mark_sent(self, stream: Stream, sending: _Sending, now: float) -> Item:
        """First resend after a fixed time, then exponential with full jitter (fleets must not march in step)."""
        first_s = RESEND_FIRST_S[stream]
        backoff_s = min(RESEND_MAX_S, first_s * 2**sending.attempts)
        sending.due_at = now + (first_s if sending.attempts == 0 else first_s + self._chance() * backoff_s)
        sending.attempts += 1
        self._lanes[stream].asked.pop(sending.item.head.seq, None)  # an ask is answered once
        return sending.item
