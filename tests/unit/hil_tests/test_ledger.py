"""The oracle must see what a broken chain does: each fault alone, and nothing where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from device_profiles.encode import reading
from device_profiles.reading import Reading
from hil_tests.demo import good
from hil_tests.ledger import Balance, Ledger, explained
from hil_tests.rig.air import Delivery
from hil_tests.rig.beacons import Transmission

DOOR, CLIMATE = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
WINDOW_S = 5.0
Row = dict[str, Any]


class Day:
    """A ledger with the usual day: the door opens at 100 s, warmth is told at 110 s and 120 s."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.rows: list[Row] = []
        self.happens(DOOR, 100, reading("bthome_v2", "door", 1))
        self.happens(CLIMATE, 110, reading("bthome_v2", "temperature", 21.5))
        self.happens(CLIMATE, 120, reading("bthome_v2", "temperature", 21.6))

    def happens(self, sensor: str, at: float, *readings: Reading, copies: int = 3) -> None:
        """A sensor sends; the hub's radio is given so many copies; a perfect chain stores them once."""
        data = f"{sensor} {at}".encode()
        self.ledger.transmit(Transmission(sensor, round(at), readings, at, data))
        for copy in range(copies):
            self.ledger.deliver(Delivery(at + 0.1 + copy * 0.3, sensor, data, -60, "hub"))
        if copies:
            self.rows += [_row(sensor, one.kind, one.plain, at + 0.2) for one in readings]

    def balance(self, *kills: float) -> Balance:
        """What the oracle says of it."""
        return self.ledger.balance(self.rows, kills, WINDOW_S)


def _row(sensor: str, kind: str, value: object, at: float, delay_ms: int = 40) -> Row:
    return {
        "sensor": sensor,
        "kind": kind,
        "value": value,
        "happened_ms": round(at * 1000),
        "received_ms": round(at * 1000) + delay_ms,
    }


def test_a_perfect_day_balances() -> None:
    """Every reading once: nothing lost, nothing twice; only the door's opening counts as urgent."""
    balance = Day().balance()

    assert balance.balanced
    assert (balance.delivered, balance.stored) == (3, 3)
    assert (balance.lost, balance.in_window, balance.duplicated) == ((), (), ())
    assert balance.urgent_ms == pytest.approx([140], abs=1)  # 0.1 s late on the air, 40 ms on the way


@pytest.mark.parametrize("row", [0, 1, 2])
def test_any_reading_that_is_not_stored_is_lost(row: int) -> None:
    """Urgent or routine, first or last."""
    day = Day()
    gone = day.rows.pop(row)

    balance = day.balance()

    assert not balance.balanced
    assert [(lack.sensor, lack.value) for lack in balance.lost] == [(gone["sensor"], gone["value"])]


@pytest.mark.parametrize("row", [0, 1, 2])
def test_any_reading_that_is_stored_twice_is_a_duplicate(row: int) -> None:
    """One transmission answers for one stored reading of a kind, however often it was repeated."""
    day = Day()
    day.rows.append(dict(day.rows[row]))

    balance = day.balance()

    assert not balance.balanced
    assert list(balance.duplicated) == [day.rows[row]]
    assert balance.lost == ()


@pytest.mark.parametrize(
    "change", [{"value": 21.7}, {"kind": "humidity"}, {"happened_ms": 500_000}, {"sensor": DOOR}]
)
def test_a_reading_that_was_never_sent_balances_nothing(change: Row) -> None:
    """Another value, kind, time or sensor is an invention, and the true one is lost."""
    day = Day()
    day.rows[1] |= change

    balance = day.balance()

    assert (len(balance.duplicated), len(balance.lost)) == (1, 1)
    assert not balance.balanced


@pytest.mark.parametrize(
    ("kill", "excused"),
    [(109.0, False), (110.3, True), (115.0, True), (115.2, False), (200.0, False)],
)
def test_only_the_commit_window_before_a_kill_excuses_a_routine_reading(
    kill: float,
    excused: bool,
) -> None:
    """Delivered at 110.1 s: excused by a kill within the next 5 s, listed either way."""
    day = Day()
    del day.rows[1]

    balance = day.balance(kill)

    assert balance.balanced == excused
    assert len(balance.in_window if excused else balance.lost) == 1
    [listed] = explained((*balance.lost, *balance.in_window))
    assert (listed["sensor"], listed["kind"], listed["value"]) == (CLIMATE, "temperature", 21.5)


def test_no_kill_excuses_an_urgent_reading() -> None:
    """The door's opening is committed at once, so it is lost even in the window."""
    day = Day()
    del day.rows[0]

    balance = day.balance(101.0)

    assert not balance.balanced
    assert [(lack.kind, lack.urgent) for lack in balance.lost] == [("door", True)]
    assert balance.in_window == ()


@pytest.mark.parametrize(("death", "excused"), [(100.3, True), (101.0, False)])
def test_only_a_death_in_its_very_write_excuses_an_urgent_reading(death: float, excused: bool) -> None:
    """Delivered at 100.1 s: it may be half-way at once afterwards, and is listed either way."""
    day = Day()
    del day.rows[0]

    balance = day.ledger.balance(day.rows, (death,), WINDOW_S, (death,))

    assert [lack.kind for lack in (balance.in_window if excused else balance.lost)] == ["door"]
    assert balance.balanced == excused


def test_a_state_said_again_is_not_urgent() -> None:
    """A door that still says open may wait, and so may be in the window."""
    day = Day()
    day.happens(DOOR, 130, reading("bthome_v2", "door", 1))
    day.rows.pop()

    assert [lack.urgent for lack in day.balance(132.0).in_window] == [False]


def test_what_the_medium_swallowed_is_not_expected() -> None:
    """An advert of which no copy reached the radio is nobody's loss."""
    day = Day()
    day.happens(CLIMATE, 130, reading("bthome_v2", "temperature", 22), copies=0)

    assert day.balance().balanced


@pytest.mark.parametrize(("stored", "balanced"), [(False, True), (True, False)])
def test_a_neighbour_is_never_expected_and_never_excused(stored: bool, balanced: bool) -> None:
    """Delivered, it counts for nothing; stored, it is an invention."""
    day = Day()
    day.ledger.deliver(Delivery(115, "D0:00:00:00:00:09", b"theirs", -80, "hub"))
    if stored:
        day.rows.append(_row("D0:00:00:00:00:09", "temperature", 19.0, 115))

    balance = day.balance()

    assert balance.balanced is balanced
    assert (balance.delivered, len(balance.duplicated)) == (3, stored)


def test_equal_readings_one_after_the_other_are_matched_in_time() -> None:
    """Same sensor, same value, twice: one stored reading leaves exactly the other one lost."""
    day = Day()
    day.happens(CLIMATE, 130, reading("bthome_v2", "temperature", 21.6))
    del day.rows[2]

    [lack] = day.balance().lost

    assert lack.delivered_at == pytest.approx(120.1)


def test_nothing_at_all_is_not_a_success() -> None:
    """An empty ledger balances nothing."""
    assert not Ledger().balance([], [], WINDOW_S).balanced


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ({"refused": 0, "forks": 0}, True),
        ({"refused": 1, "forks": 0}, False),
        ({"refused": 0, "forks": 1}, False),
    ],
)
def test_a_refusal_or_a_fork_spoils_a_balanced_run(status: dict[str, int], verdict: bool) -> None:
    """In a home without an attacker nothing may be refused."""
    assert good(Day().balance(), status) is verdict


def test_balancing_changes_nothing() -> None:
    """The ledger can be asked in the middle of a run and again at the end."""
    day = Day()
    del day.rows[1]

    assert day.balance(111.0) == day.balance(111.0)
    assert day.balance(111.0) != day.balance()


class OldDisk:
    """A thermometer tells its 5th reading, the hub's disk is copied; 300 readings later the copy is put back."""

    def __init__(self, *, encrypted: bool = False) -> None:
        self.ledger = Ledger({CLIMATE} if encrypted else ())
        self.tells(5)
        image = self.ledger.image()
        self.tells(6)
        self.ledger.put_back(image)

    def tells(self, number: int) -> None:
        """One transmission of that number, of which two copies are delivered."""
        said = (reading("bthome_v2", "temperature", 20.0),)
        data = f"{number}".encode()
        self.ledger.transmit(Transmission(CLIMATE, number, said, number * 10.0, data))
        for copy in range(2):
            self.ledger.deliver(Delivery(number * 10 + copy * 0.3, CLIMATE, data, -60, "hub"))

    def balance(self, *stored: int) -> Balance:
        """What the oracle says if the transmissions of these numbers are stored."""
        rows = [_row(CLIMATE, "temperature", 20.0, number * 10.0) for number in stored]
        return self.ledger.balance(rows, [], WINDOW_S)


def test_the_packet_id_that_an_old_disk_remembers_excuses_one_transmission() -> None:
    """The 261st has the packet id of the 5th: the hub cannot tell it from a repeat. It is listed, and all else counts."""
    home = OldDisk()
    home.tells(261)
    home.tells(262)

    balance = home.balance(5, 6, 262)

    assert balance.balanced
    assert [lack.delivered_at for lack in balance.coincided] == [2610.0]
    assert [lack.delivered_at for lack in home.balance(5, 6, 261).lost] == [2620.0]


def test_a_packet_id_that_coincides_is_no_excuse_once_the_hub_has_heard_another() -> None:
    """The memory of the old disk is gone with the first thing heard."""
    home = OldDisk()
    home.tells(260)
    home.tells(261)

    assert [lack.delivered_at for lack in home.balance(5, 6, 260).lost] == [2610.0]


def test_an_encrypted_sensor_never_coincides() -> None:
    """Its counter is no byte: an old disk takes it for what it is."""
    home = OldDisk(encrypted=True)
    home.tells(261)

    assert [lack.delivered_at for lack in home.balance(5, 6).lost] == [2610.0]


def test_what_is_left_out_is_not_owed_and_must_not_be_stored() -> None:
    """While a home is paused; a reading of it that is stored all the same fits nothing that was delivered."""
    day = Day()
    day.ledger.leave_out([DOOR])
    day.happens(DOOR, 130, reading("bthome_v2", "door", 0))
    stored = day.rows.pop()
    day.ledger.leave_out(())
    day.happens(DOOR, 140, reading("bthome_v2", "door", 1))
    assert day.balance().balanced

    day.rows.append(stored)
    assert day.balance().duplicated == (stored,)
