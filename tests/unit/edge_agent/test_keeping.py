"""When readings become durable, and when they become batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.wire.batch import Anchor, Batch, Contract, Quality, Sensor, Stream, decode
from device_profiles.reading import Flag, Form, Reading
from edge_agent.core.batching import Change, Committed, Limits, Origin
from edge_agent.core.coverage import TOGETHER_MS, Coverage, Liveness
from edge_agent.core.freshness import Guard
from edge_agent.core.hearing import Kept
from edge_agent.core.keeping import ROWS_WAITING_MAX, SPANS_COMMIT_MS, Keeping

DOOR, AIR, BATH = "C0:00:00:00:00:01", "C0:00:00:00:00:02", "C0:00:00:00:00:03"
BOOT, EARLIER_BOOT = bytes(16), bytes(15) + b"\1"
ANCHOR = Anchor(1_800_000_000_000, 0, Quality.COARSE)
LIMITS = Limits(commit_window_max_s=15, batch_age_max_s=900, batch_readings_max=10)


def keeping(coverage: Coverage | None = None) -> Keeping:
    """A home with a door, and two thermometers."""
    sensors = {DOOR: Sensor(DOOR, "door", "hall", "bthome_v2", Contract.HEARTBEAT, 60)} | {
        address: Sensor(address, address, "bath", "bthome_v2", Contract.PERIODIC, 60)
        for address in (AIR, BATH)
    }
    listened = coverage or Coverage({DOOR: Liveness(Contract.EVENT_ONLY, 0)}, 0)
    return Keeping(
        Origin("site", "h" * 13, bytes(8), BOOT), LIMITS, sensors, listened, sign=lambda body: body
    )


def kept(at_ms: int, *, urgent: bool = False) -> Kept:
    """One fresh frame of the door."""
    reading = Reading("door", 1, 0, "", Form.BOOLEAN, urgent=True)
    return Kept(DOOR, at_ms, (reading,), Guard(repeat=at_ms % 256), encrypted=False, urgent=urgent)


def play(keeper: Keeping, now_ms: int, *, everything: bool = False) -> list[Change]:
    """Ask for changes and let each of them be durable."""
    changes = []
    for number, change in enumerate(keeper.changes(now_ms, lambda: ANCHOR, everything=everything), start=1):
        keeper.done(change, Committed(now_ms + number if change.rows or change.spans else None, ()))
        changes.append(change)
    return changes


def opened(change: Change) -> Batch:
    """The one batch of a change, as the cloud would read it."""
    written = change.drafts[0].write(1, None, None)
    return decode(written.body, "site", "h" * 13, written.inline.packed)


def test_an_urgent_reading_is_cut_at_once() -> None:
    """It becomes a batch of the urgent stream in the same transaction that keeps its guard."""
    keeper = keeping()
    keeper.take(kept(900))
    keeper.take(kept(1_000, urgent=True))

    assert keeper.next_ms() <= 1_000
    (change,) = play(keeper, 1_000)

    assert [draft.stream for draft in change.drafts] == [Stream.URGENT]
    assert change.guards[DOOR].repeat == 1_000 % 256
    assert keeper.uncommitted == 0


def test_a_routine_reading_waits_for_company_and_no_longer() -> None:
    """It is committed when the commit window is over, not before."""
    keeper = keeping()
    keeper.take(kept(1_000))

    assert play(keeper, 15_999) == []
    assert keeper.next_ms() == 16_000
    (change,) = play(keeper, 16_000)
    assert len(change.rows) == 1
    assert change.drafts == ()


def test_what_is_heard_while_the_disk_writes_waits_for_the_next_commit() -> None:
    """A hub that is told to stop empties its queue while a commit is still under way."""
    keeper = keeping()
    keeper.take(kept(1_000))
    keeper.take(kept(1_100, urgent=True))
    change = next(keeper.changes(16_000, lambda: ANCHOR))
    keeper.take(kept(16_001))
    keeper.take(kept(16_002, urgent=True))
    keeper.done(change, Committed(1, ()))

    assert (keeper.uncut, keeper.uncommitted) == (1, 2)
    after, _ = play(keeper, 16_003, everything=True)
    assert [row.at_ms for row in after.rows] == [16_001]
    assert [reading.at_ms for reading in opened(after).readings] == [16_002]
    assert after.guards[DOOR].repeat == 16_002 % 256


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 900, 20_000, 70_000]), st.sampled_from(["routine", "urgent", "air", "play"])
    ),
    max_size=12,
)


@given(steps=steps)
def test_nothing_is_due_before_the_moment_that_is_waited_for(steps: list[tuple[int, str]]) -> None:
    """But for sensors that wait to be told of together; and nobody is woken for ever for nothing."""
    coverage = Coverage({DOOR: Liveness(Contract.EVENT_ONLY, 0), AIR: Liveness(Contract.PERIODIC, 10)}, 0)
    keeper = keeping(coverage)
    now_ms = 0
    for pause_ms, step in steps:
        for at_ms in range(now_ms, now_ms + pause_ms, 300):
            assert at_ms + TOGETHER_MS >= keeper.next_ms() or not keeper.due(at_ms)
        now_ms += pause_ms
        if step == "air":
            coverage.hear(AIR, now_ms)
        elif step == "play":
            play(keeper, now_ms)
            assert not keeper.due(now_ms)
            assert keeper.next_ms() > now_ms
        else:
            keeper.take(kept(now_ms, urgent=step == "urgent"))


def test_sensors_that_are_heard_again_are_told_of_together() -> None:
    """Each alone would be a batch of its own; none waits for longer than 5 s."""
    coverage = Coverage(dict.fromkeys((AIR, BATH), Liveness(Contract.PERIODIC, 600)), 0)
    keeper = keeping(coverage)
    play(keeper, 60_000)
    play(keeper, 60_000)
    coverage.hear(AIR, 70_000)
    coverage.hear(BATH, 74_000)

    assert keeper.next_ms() == 75_000
    (change,) = play(keeper, 75_000)
    assert change.told.keys() == {AIR, BATH}


def test_committed_readings_are_cut_by_number() -> None:
    """As many readings as a batch may hold are cut without waiting for age."""
    keeper = keeping()
    for at_ms in range(10):
        keeper.take(kept(at_ms))

    commit, cut = play(keeper, 16_000)

    assert len(commit.rows) == 10
    assert [draft.readings for draft in cut.drafts] == [10]
    assert keeper.uncut == 0


def test_committed_readings_are_cut_by_age() -> None:
    """A lone reading is on its way within the batch age."""
    keeper = keeping()
    keeper.take(kept(1_000))
    play(keeper, 16_000)

    assert [change.drafts for change in play(keeper, 16_000 + 899_999) if change.drafts] == []
    (cut,) = [change for change in play(keeper, 16_000 + 900_000) if change.drafts]
    assert cut.drafts[0].stream is Stream.ROUTINE
    assert len(cut.spent) == 1


def test_nothing_is_let_go_before_it_is_durable() -> None:
    """A commit that failed is offered again, whole."""
    keeper = keeping()
    keeper.take(kept(1_000, urgent=True))

    failed = next(keeper.changes(1_000, lambda: ANCHOR))
    again = next(keeper.changes(2_000, lambda: ANCHOR))

    assert again.guards == failed.guards
    assert [draft.readings for draft in again.drafts] == [1]


def test_everything_is_committed_and_cut_when_the_hub_stops() -> None:
    """Asked to stop, the hub leaves nothing behind in memory or uncut."""
    keeper = keeping()
    keeper.take(kept(1_000))

    commit, cut = play(keeper, 1_001, everything=True)

    assert len(commit.rows) == 1
    assert [draft.readings for draft in cut.drafts] == [1]
    assert keeper.uncommitted == keeper.uncut == 0


def test_rows_of_an_earlier_boot_keep_their_own_clock() -> None:
    """What a power cut left uncut is cut under the boot it was heard in, at once."""
    earlier = keeping()
    earlier.take(kept(500_000))
    first = next(earlier.changes(600_000, lambda: ANCHOR))
    earlier.done(first, Committed(1, ()))
    (pending,) = earlier._committed
    sensors = {DOOR: Sensor(DOOR, "door", "hall", "bthome_v2", Contract.HEARTBEAT, 60)}
    later = Keeping(
        Origin("site", "h" * 13, bytes(8), EARLIER_BOOT),
        LIMITS,
        sensors,
        Coverage({DOOR: Liveness(Contract.EVENT_ONLY, 0)}, 0),
        sign=lambda body: body,
        committed=[pending],
    )

    (cut,) = [change for change in play(later, 10) if change.drafts]

    batch = opened(cut)
    assert batch.boot_id == BOOT
    assert batch.readings[0].at_ms == 500_000
    assert batch.anchor == ANCHOR


def test_listening_alone_is_committed_once_a_minute() -> None:
    """A quiet home still has its coverage on disk, at little cost in flash."""
    coverage = Coverage({DOOR: Liveness(Contract.EVENT_ONLY, 0)}, 0)
    keeper = keeping(coverage)
    coverage.frame(1_000)
    coverage.frame(59_000)

    assert play(keeper, SPANS_COMMIT_MS - 1) == []
    (change,) = play(keeper, SPANS_COMMIT_MS)
    assert change.spans == ((1_000, 59_000),)


def test_a_broken_contract_is_told_at_once_without_a_reading() -> None:
    """The cloud hears of a dead sensor through the urgent stream."""
    coverage = Coverage({DOOR: Liveness(Contract.HEARTBEAT, 60)}, 0)
    keeper = keeping(coverage)
    coverage.hear(DOOR, 1_000)
    play(keeper, 1_000)

    (change,) = [change for change in play(keeper, 182_000) if change.drafts]

    batch = opened(change)
    assert batch.stream is Stream.URGENT
    assert [(statement.last_ms, statement.kept) for statement in batch.heard] == [(1_000, False)]


def test_an_urgent_kind_that_came_in_the_clear_is_marked() -> None:
    """Whether it is news or a state said again: anybody near could have sent it."""
    keeper = keeping()
    keeper.take(kept(1_000))

    (change,) = play(keeper, 16_000)

    assert [row.quantity.flags for row in change.rows] == [Flag.PLAIN]


@pytest.mark.parametrize("encrypted", [False, True])
def test_flags_of_a_reading_reach_the_cloud(encrypted: bool) -> None:
    """Those it was heard with, and that it came in the clear, if it did."""
    reading = Reading("door", 1, 0, "", Form.BOOLEAN, urgent=True, flags=Flag.WEAK_SIGNAL | Flag.JUMP)
    keeper = keeping()
    keeper.take(Kept(DOOR, 1_000, (reading,), Guard(), encrypted=encrypted, urgent=True))

    (change,) = play(keeper, 1_000)

    (quantity,) = opened(change).quantities
    assert quantity.flags == Flag.WEAK_SIGNAL | Flag.JUMP | (0 if encrypted else Flag.PLAIN)


def test_what_memory_cannot_hold_is_shed_and_counted() -> None:
    """While the disk refuses, the newest frames are shed, and the number is known."""
    keeper = keeping()
    for at_ms in range(ROWS_WAITING_MAX):
        keeper.take(kept(at_ms))

    keeper.take(kept(1))

    assert keeper.shed == 1
