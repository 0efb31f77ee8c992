"""From adverts to readings worth keeping."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from cloud_sync.wire.batch import Contract
from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.reading import words
from edge_agent.core.coverage import Coverage, Liveness
from edge_agent.core.freshness import Guard
from edge_agent.core.hearing import Assigned, Hearing, Told

OURS, KEYED, STRANGER = "C0:00:00:00:00:01", "C0:00:00:00:00:02", "C0:00:00:00:00:03"
KEY = bytes(range(16))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """All bundled profiles."""
    return Catalogue.load()


def hearing(catalogue: Catalogue, guards: dict[str, Guard] | None = None) -> Hearing:
    """A home with one plain and one keyed sensor."""
    sensors = {
        OURS: Assigned(OURS, "door", "hall", "bthome_v2"),
        KEYED: Assigned(KEYED, "motion", "bath", "bthome_v2", KEY),
    }
    liveness = dict.fromkeys(sensors, Liveness(Contract.HEARTBEAT, 60))
    return Hearing(catalogue, sensors, guards or {}, Coverage(liveness, 0))


def door(value: int, packet_id: int, address: str = OURS, heard_ms: int = 1_000) -> Advert:
    """A door's frame."""
    advert = encode("bthome_v2", address, [reading("bthome_v2", "door", value)], repeat=packet_id)
    return Advert(address, None, (), advert.service_data, {}, -60, heard_ms)


def test_a_fresh_frame_is_kept_with_its_guard(catalogue: Catalogue) -> None:
    """Readings, time and the guard to commit come together."""
    kept = hearing(catalogue).hear(door(1, 7, heard_ms=5_000))

    assert kept is not None
    assert (kept.sensor, kept.at_ms, kept.urgent, kept.encrypted) == (OURS, 5_000, True, False)
    assert kept.guard.repeat == 7


def test_copies_of_a_transmission_are_kept_once(catalogue: Catalogue) -> None:
    """A burst of ten copies is one reading, nine counted repeats."""
    ear = hearing(catalogue)

    kept = [ear.hear(door(1, 7, heard_ms=1_000 + copy)) for copy in range(10)]

    assert [bool(k) for k in kept] == [True] + [False] * 9
    assert ear.counts["repeats"] == 9


def test_the_guard_of_an_earlier_life_still_holds(catalogue: Catalogue) -> None:
    """A copy heard after a restart is no news."""
    assert hearing(catalogue, {OURS: Guard(repeat=7)}).hear(door(1, 7)) is None


def test_a_strangers_frame_proves_listening_and_is_forgotten(catalogue: Catalogue) -> None:
    """Only sensors assigned to this home are kept."""
    ear = hearing(catalogue)

    assert ear.hear(door(1, 7, address=STRANGER)) is None
    assert ear.counts["strangers"] == 1


def test_plaintext_from_a_keyed_sensor_is_refused(catalogue: Catalogue) -> None:
    """A sensor that was given a key is believed only when it encrypts."""
    ear = hearing(catalogue)

    assert ear.hear(door(1, 7, address=KEYED)) is None
    assert ear.counts["rejected:not-encrypted"] == 1


def sealed(value: int, counter: int, kind: str = "door", heard_ms: int = 1_000) -> Advert:
    """An encrypted frame of the keyed sensor."""
    readings = [reading("bthome_v2", kind, value)]
    advert = encode("bthome_v2", KEYED, readings, repeat=counter % 256, key=KEY, counter=counter)
    return replace(advert, heard_ms=heard_ms, signal_dbm=-60)


def test_a_counter_that_drops_is_kept_with_a_flag_and_raises_nothing(catalogue: Catalogue) -> None:
    """An old encrypted frame played again is evidence, is no alarm, and does not prove life."""
    sensors = {KEYED: Assigned(KEYED, "door", "hall", "bthome_v2", KEY)}
    coverage = Coverage({KEYED: Liveness(Contract.HEARTBEAT, 60)}, 0)
    ear = Hearing(catalogue, sensors, {}, coverage)

    closed, opened = ear.hear(sealed(0, 10)), ear.hear(sealed(1, 9, heard_ms=2_000))

    assert closed is not None
    assert opened is not None
    assert (closed.urgent, closed.encrypted) == (True, True)
    assert (opened.urgent, [words(one.flags) for one in opened.readings]) == (False, [("counter-reset",)])
    assert opened.guard == Guard(10, 9, opened.guard.content, 2_000, reset=9)
    assert coverage.standing(KEYED, 2_000).last_ms == 1_000
    assert ear.counts["flag:counter-reset"] == 1
    assert ear.doubted == (KEYED,)


def test_a_replayed_frame_cannot_clear_what_is_open(catalogue: Catalogue) -> None:
    """The door stays open for us: the next true frame that says so is no news, one that says closed is."""
    ear = hearing(catalogue)
    ear.hear(sealed(1, 10))
    ear.hear(sealed(0, 9))

    still_open, closed = ear.hear(sealed(1, 11)), ear.hear(sealed(0, 12))

    assert [kept.urgent for kept in (still_open, closed) if kept] == [False, True]


def test_a_confirmed_battery_makes_the_counter_believed_again(catalogue: Catalogue) -> None:
    """A person's word is kept as a guard, and what follows is urgent again."""
    ear = hearing(catalogue)
    ear.hear(sealed(0, 1_000))
    ear.hear(sealed(1, 1))

    guard = ear.confirm(KEYED)
    opened = ear.hear(sealed(1, 2))

    assert guard is not None
    assert (guard.counter, guard.reset) == (1, None)
    assert opened is not None
    assert opened.urgent
    assert ear.doubted == ()


def test_a_value_told_over_a_connection_is_kept_like_an_advert(catalogue: Catalogue) -> None:
    """A thermometer's value becomes a reading; what it does not say is counted by reason."""
    sensors = {OURS: Assigned(OURS, "thermometer", "bedroom", "health_thermometer")}
    ear = Hearing(catalogue, sensors, {}, Coverage({OURS: Liveness(Contract.EVENT_ONLY, 0)}, 0))

    fever = bytes.fromhex("00720100ff")
    kept = ear.told(Told(OURS, "00002a1c-0000-1000-8000-00805f9b34fb", fever, 5_000))

    assert kept is not None
    assert [(one.kind, one.plain, one.unit) for one in kept.readings] == [("temperature", 37.0, "°C")]
    assert ear.told(Told(OURS, "2a1c", fever, 5_500)) is not None  # measured again, and the same
    assert ear.told(Told(OURS, "2a1c", b"\0", 6_000)) is None
    assert ear.counts["rejected:truncated"] == 1


def test_a_state_said_again_is_no_longer_urgent(catalogue: Catalogue) -> None:
    """A door's heartbeat repeats its state: only the change is an alarm."""
    ear = hearing(catalogue)
    opened, still_open, closed = (ear.hear(door(value, number)) for number, value in enumerate((1, 1, 0)))

    assert [kept.urgent for kept in (opened, still_open, closed) if kept] == [True, False, True]


def test_malformed_bytes_are_counted_by_reason(catalogue: Catalogue) -> None:
    """A broken frame of our own sensor gives nothing but a count."""
    ear = hearing(catalogue)
    broken = Advert(OURS, None, (), {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40\x02\x01"}, {}, -60, 1_000)

    assert ear.hear(broken) is None
    assert any(reason.startswith("rejected") for reason in ear.counts)


def motion(value: int, packet_id: int, minute: float) -> Advert:
    """A movement's frame, in the clear."""
    advert = encode("bthome_v2", OURS, [reading("bthome_v2", "motion", value)], repeat=packet_id)
    return replace(advert, heard_ms=round(minute * 60_000), signal_dbm=-60)


def test_the_first_movement_after_a_stillness_does_not_wait(catalogue: Catalogue) -> None:
    """After a start nobody knows what was before; then half an hour must have been still. Its end may wait."""
    ear = hearing(catalogue)
    said = [(1, 0), (0, 0.1), (1, 20), (0, 20.1), (1, 49), (1, 79.5)]
    kept = [ear.hear(motion(value, number, minute)) for number, (value, minute) in enumerate(said)]
    assert [one.urgent for one in kept if one] == [True, False, False, False, False, False]
    assert [one.urgent for one in [ear.hear(motion(0, 7, 80)), ear.hear(motion(1, 8, 111))] if one] == [
        False,
        True,
    ]


def test_a_replayed_movement_ends_no_stillness(catalogue: Catalogue) -> None:
    """It neither overtakes anything nor makes the true one that follows wait."""
    ear = hearing(catalogue)
    ear.hear(sealed(1, 10, "motion", heard_ms=0))
    ear.hear(sealed(0, 11, "motion", heard_ms=2_000))
    replayed, true = (
        ear.hear(sealed(1, counter, "motion", heard_ms=2_000_000 + counter)) for counter in (9, 12)
    )
    assert [kept.urgent for kept in (replayed, true) if kept] == [False, True]


def test_a_paused_sensor_leaves_no_trace(catalogue: Catalogue) -> None:
    """Neither a reading, nor a guard, nor when it was last heard; the same frame after the pause is new."""
    left_out = {frozenset({OURS})}
    coverage = Coverage(dict.fromkeys((OURS, KEYED), Liveness(Contract.HEARTBEAT, 60)), 0)
    sensors = {OURS: Assigned(OURS, "door", "hall", "bthome_v2")}
    ear = Hearing(catalogue, sensors, {}, coverage, lambda _: next(iter(left_out), frozenset()))

    assert ear.hear(door(1, 7, heard_ms=5_000)) is None
    assert ear.counts["paused"] == 1
    assert ear.counts["heard"] == 0
    assert coverage.heard(5_000) == {}
    left_out.clear()
    assert ear.hear(door(1, 7, heard_ms=6_000)) is not None
