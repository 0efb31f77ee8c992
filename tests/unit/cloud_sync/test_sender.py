"""The hub's half of the sync protocol, case by case; the hazards together are in tests/property/test_sync.py."""

from __future__ import annotations

from cloud_sync.sync.sender import RESEND_FIRST_S, WINDOW_BATCHES, Item, Sender
from cloud_sync.wire.batch import Stream
from cloud_sync.wire.message import Head

GENERATION = bytes(8)
ZERO = {stream: Head(0, bytes(32)) for stream in Stream}


def head(seq: int) -> Head:
    """A head with a chain of its own."""
    return Head(seq, bytes([seq]) * 32)


def sender(*, floor: Head = ZERO[Stream.URGENT], receipted: Head = ZERO[Stream.URGENT]) -> Sender:
    """A hub with nothing held."""
    floors, heads = ZERO | {Stream.URGENT: floor}, ZERO | {Stream.URGENT: receipted}
    return Sender(floors, heads, {}, lambda: 0.5)


def test_nothing_is_sent_before_a_believed_cursor() -> None:
    """Whatever waits, waits for the session."""
    hub = sender()
    hub.cut(Stream.URGENT, head(1))

    assert hub.due(0) == []
    hub.cursor(ZERO, GENERATION)
    assert hub.due(0) == [(Stream.URGENT, Item(1, head(1)))]


def test_an_alarm_overtakes_a_backlog() -> None:
    """Urgent before routine, and the routine window stays small."""
    hub = sender()
    for seq in range(1, 20):
        hub.cut(Stream.ROUTINE, head(seq))
    hub.cut(Stream.URGENT, head(1))
    hub.cursor(ZERO, GENERATION)

    due = hub.due(0)

    assert due[0][0] is Stream.URGENT
    assert len(due) == 1 + WINDOW_BATCHES[Stream.ROUTINE]


def test_a_batch_is_sent_again_until_its_receipt() -> None:
    """First after a fixed time, then with jitter; a receipt ends it."""
    hub = sender()
    hub.cut(Stream.URGENT, head(1))
    hub.cursor(ZERO, GENERATION)
    hub.due(0)

    assert hub.due(RESEND_FIRST_S[Stream.URGENT] - 0.01) == []
    assert hub.due(RESEND_FIRST_S[Stream.URGENT]) != []
    assert hub.receipt(Stream.URGENT, head(1), (), GENERATION) == head(1)
    assert hub.due(10_000) == []
    assert hub.next_due() is None


def test_a_refused_batch_is_not_hammered() -> None:
    """It is kept, and tried again much later."""
    hub = sender()
    hub.cut(Stream.URGENT, head(1))
    hub.cursor(ZERO, GENERATION)
    hub.due(0)

    hub.refused(Stream.URGENT, 1, 1.0)

    assert hub.due(3_600) == []
    assert hub.due(3_601) != []


def test_several_asks_for_what_is_no_longer_held_are_answered_by_one_name() -> None:
    """Two holes below the floor: the name that closes them covers both, whichever was asked for first."""
    hub = sender(floor=head(3), receipted=head(3))
    hub.cursor(ZERO | {Stream.URGENT: head(3)}, GENERATION)

    hub.asked(Stream.URGENT, 1, 1)
    hub.asked(Stream.URGENT, 3, 3)

    assert hub.due(0) == [(Stream.URGENT, Item(1, head(3), gone=True))]
