"""The oracle: what was put on the air, what the medium delivered, and what must therefore be stored. Pure.

Everything delivered to the hub's radio must be stored exactly once. There are two exceptions, and each
reading of them is listed. The first is stated in the product's promise: routine readings delivered
within the commit window before a kill may never have been committed; an urgent one is no exception.
The second is chance: a packet id is one byte, so what a hub hears first of a sensor, after its disk was
put back to an earlier day, has one time in 256 the very id that the old disk remembers as heard. The
ledger knows that id, and excuses that one transmission only. Encrypted sensors count on, and are no
exception.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from device_profiles.reading import Form, Reading
from hil_tests.rig.sensors import PACKET_IDS

if TYPE_CHECKING:
    from hil_tests.rig.air import Delivery
    from hil_tests.rig.beacons import Transmission

LATE_MAX_S = 5.0  # a busy hub stamps an advert when it gets round to it
EARLY_MAX_S = 1.5  # climate times are told to the second, rounded down
RECENT_IDS = 4  # more are never heard in one commit window
KILL_NOTICED_S = 0.5  # the medium may deliver for so long to a hub that is dead already
MID_WRITE_S = 0.5  # what was delivered so shortly before a death at a write is what was being written


Image: TypeAlias = Mapping[str, int]  # sensor -> the packet id that a copy of the hub's disk remembers


@dataclass(slots=True, eq=False)
class Entry:
    """One transmission and its deliveries (wall time, s)."""

    transmission: Transmission
    urgent: frozenset[str]  # kinds that must not wait: news, not a state said again
    said: Mapping[str, int | float | bool | str]  # plain values by kind
    first_at: float = 0.0
    last_at: float = 0.0
    copies: int = 0
    coincides: bool = False  # its packet id is the one that the hub remembers: it looks like a repeat


@dataclass(frozen=True, slots=True)
class Missing:
    """A reading that was delivered and is not stored."""

    sensor: str
    kind: str
    value: int | float | bool | str
    delivered_at: float
    urgent: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of everything delivered."""

    delivered: int
    stored: int
    lost: tuple[Missing, ...]
    in_window: tuple[Missing, ...]
    coincided: tuple[Missing, ...]
    duplicated: tuple[Mapping[str, Any], ...]
    urgent_ms: tuple[float, ...]  # from the air to the receiver, sorted

    @property
    def balanced(self) -> bool:
        """Everything delivered is accounted for, and something was."""
        accounted = self.stored + len(self.in_window) + len(self.coincided)
        return self.stored > 0 and not self.lost and not self.duplicated and accounted == self.delivered


class Ledger:
    """Collects transmissions and deliveries, then judges what was stored.

    Args:
        counting: Addresses of the sensors whose encryption counter never returns to an old value.
    """

    def __init__(self, counting: Collection[str] = ()) -> None:
        self._counting = frozenset(counting)
        self._current: dict[tuple[str, bytes], Entry] = {}
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        self._sent_at: dict[str, list[float]] = defaultdict(list)  # when each of these was sent first
        self._states: dict[tuple[str, str], int | str] = {}
        self._newest: dict[str, int] = {}  # packet id that the hub remembers
        self._recent: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=RECENT_IDS))
        self._perhaps: dict[str, set[int]] = {}  # ids that a killed hub may remember instead
        self._replayed: list[Transmission] = []
        self._left_out: frozenset[str] = frozenset()

    def transmit(self, transmission: Transmission) -> None:
        """A sensor is about to send new readings."""
        urgent = frozenset(r.kind for r in transmission.readings if self._is_news(transmission.sensor, r))
        entry = Entry(transmission, urgent, _plainly(transmission))
        self._current[transmission.sensor, transmission.data] = entry
        self._enter(entry)

    def deliver(self, delivery: Delivery) -> None:
        """The medium gave an advert to the hub's radio."""
        entry = self._current.get((delivery.address, delivery.data))
        if entry is None:
            return  # a neighbour's
        if delivery.address in self._left_out:
            return  # it may not be stored: if it is, nothing fits it
        if entry.copies == 0:
            self._hear_first(entry, delivery.at)
        entry.last_at = delivery.at
        entry.copies += 1

    def leave_out(self, sensors: Collection[str]) -> None:
        """The hub says that it leaves out just these from now on."""
        self._left_out = frozenset(sensors)

    def told(self, transmission: Transmission) -> None:
        """A sensor told these readings over a connection; what is told again is another measurement."""
        at = transmission.at
        self._enter(Entry(transmission, frozenset(), _plainly(transmission), at, at, copies=1))

    def image(self) -> Image:
        """What a copy of the hub's disk, made now, remembers; the hub has committed all that was delivered."""
        return dict(self._newest)

    def put_back(self, image: Image) -> None:
        """The hub's disk is again what it was when ``image`` was made."""
        self._newest, self._perhaps = dict(image), {}

    def killed(self) -> None:
        """The hub was killed: of each sensor it remembers what it heard last, or what it had committed."""
        self._perhaps = {sensor: set(recent) for sensor, recent in self._recent.items()}

    def replayed(self, transmission: Transmission) -> None:
        """An attacker is about to play this again: what is stored of it must be doubted, and counts as nothing."""
        self._replayed.append(transmission)

    def of(self, sensor: str) -> list[Transmission]:
        """What a sensor transmitted so far, oldest first."""
        return [entry.transmission for entry in self._entries.get(sensor, [])]

    @property
    def delivered(self) -> int:
        """Readings delivered at least once."""
        return sum(len(entry.transmission.readings) for entry in self._delivered())

    def balance(
        self,
        stored: Sequence[Mapping[str, Any]],
        kills: Sequence[float],
        commit_window_max_s: float,
        mid_write: Sequence[float] = (),
    ) -> Balance:
        """Hold the stored readings against what was delivered.

        Args:
            stored: As ``lum-receiver readings`` prints them.
            kills: When the hub was killed (wall time, s).
            commit_window_max_s: How long a routine reading may wait for its commit.
            mid_write: Those of the kills that came as the hub was writing: then an urgent reading may be half-way.
        """
        found: dict[Entry, set[str]] = defaultdict(set)
        urgent_ms: list[float] = []
        duplicated = []
        believed = [row for row in stored if not self._is_replay(row)]
        for reading in sorted(believed, key=lambda row: row["happened_ms"]):
            entry = self._match(reading, found)
            if entry is None:
                duplicated.append(reading)
                continue
            found[entry].add(reading["kind"])
            if reading["kind"] in entry.urgent:
                urgent_ms.append(reading["received_ms"] - entry.first_at * 1000)
        coincided: list[Missing] = []
        in_window: list[Missing] = []
        lost: list[Missing] = []
        for entry in self._delivered():
            for lack in _missing(entry, found[entry]):
                deaths = (mid_write, MID_WRITE_S) if lack.urgent else (kills, commit_window_max_s)
                excused = _before_kill(lack, *deaths)
                (coincided if entry.coincides else in_window if excused else lost).append(lack)
        return Balance(
            delivered=self.delivered,
            stored=len(believed) - len(duplicated),
            lost=tuple(lost),
            in_window=tuple(in_window),
            coincided=tuple(coincided),
            duplicated=tuple(duplicated),
            urgent_ms=tuple(sorted(urgent_ms)),
        )

    def _is_replay(self, row: Mapping[str, Any]) -> bool:
        """Whether a stored reading is of a replayed frame, and says that it is doubted."""
        return "counter-reset" in row.get("flags", ()) and any(
            row["sensor"] == one.sensor and any(_says(reading, row) for reading in one.readings)
            for one in self._replayed
        )

    def _hear_first(self, entry: Entry, at: float) -> None:
        """The first copy of a transmission came through; only the first transmission meets an old memory.

        A sensor that was reset, or a disk that was put back, may have it meet a packet id that the hub remembers.
        """
        sensor, packet_id = entry.transmission.sensor, entry.transmission.number % PACKET_IDS
        entry.first_at = at
        if sensor in self._counting:
            return
        entry.coincides = packet_id in {self._newest.get(sensor), *self._perhaps.pop(sensor, ())}
        self._newest[sensor] = packet_id
        self._recent[sensor].append(packet_id)

    def _match(self, reading: Mapping[str, Any], found: Mapping[Entry, set[str]]) -> Entry | None:
        """The delivered transmission nearest in time that this stored reading can be, and that has none yet."""
        happened = reading["happened_ms"] / 1000
        fitting = [
            entry
            for entry in self._around(reading["sensor"], happened)
            if reading["kind"] not in found.get(entry, ()) and _fits(entry, reading)
        ]
        return min(fitting, key=lambda entry: _distance_s(entry, happened), default=None)

    def _around(self, sensor: str, happened: float) -> Iterator[Entry]:
        """What the sensor may have been sending at that time, newest first."""
        entries = self._entries[sensor]
        newest = bisect_right(self._sent_at[sensor], happened + EARLY_MAX_S)
        for place in range(newest - 1, -1, -1):
            entry = entries[place]
            if happened > max(entry.last_at, entry.transmission.at) + LATE_MAX_S:
                return
            yield entry

    def _enter(self, entry: Entry) -> None:
        self._entries[entry.transmission.sensor].append(entry)
        self._sent_at[entry.transmission.sensor].append(entry.transmission.at)

    def _delivered(self) -> Iterable[Entry]:
        return (entry for entries in self._entries.values() for entry in entries if entry.copies)

    def _is_news(self, sensor: str, reading: Reading) -> bool:
        """An urgent kind is urgent when it is an event, or a state that changed."""
        if not reading.urgent:
            return False
        before = self._states.get((sensor, reading.kind))
        self._states[sensor, reading.kind] = reading.value
        return reading.form is not Form.BOOLEAN or before != reading.value


def explained(missing: Iterable[Missing]) -> list[dict[str, Any]]:
    """Missing readings as plain facts, for a report."""
    return [asdict(lack) for lack in missing]


def _fits(entry: Entry, reading: Mapping[str, Any]) -> bool:
    return entry.copies > 0 and entry.said.get(reading["kind"]) == reading["value"]


def _plainly(transmission: Transmission) -> dict[str, int | float | bool | str]:
    return {one.kind: one.plain for one in transmission.readings}


def _says(one: Reading, row: Mapping[str, Any]) -> bool:
    return bool(one.kind == row["kind"] and one.plain == row["value"])


def _distance_s(entry: Entry, happened: float) -> float:
    """How far outside the time of its copies; any copy may have been the one that was heard."""
    return max(entry.first_at - happened, happened - entry.last_at, 0.0)


def _missing(entry: Entry, found: Collection[str]) -> Iterable[Missing]:
    for reading in entry.transmission.readings:
        if reading.kind not in found:
            urgent = reading.kind in entry.urgent
            yield Missing(entry.transmission.sensor, reading.kind, reading.plain, entry.first_at, urgent)


def _before_kill(lack: Missing, kills: Sequence[float], window_s: float) -> bool:
    return any(kill - window_s <= lack.delivered_at <= kill + KILL_NOTICED_S for kill in kills)
