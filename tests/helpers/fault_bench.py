"""What tests of single faults share: a small bench that holds only what faults use, and a fault's case on it.

Devices are fakes; what they tell (``LinkSeen``, ``Refused``, ``Crashed`` ...) is the rig's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from device_profiles.encode import reading
from hil_tests.evidence import Evidence
from hil_tests.faults import FAULTS, Fault
from hil_tests.faults.disk import OUTBOX
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import Transmission
from hil_tests.rig.bluez.evidence import (
    BusKilled,
    Crashed,
    Emptied,
    PoweredOff,
    Restarted,
    Seen,
    StuckInProgress,
)
from hil_tests.rig.clock import ClockSeen
from hil_tests.rig.disk import Filled, Refused
from hil_tests.rig.durability import Lost
from hil_tests.rig.line import Crossing
from hil_tests.rig.network import FaultyLink
from hil_tests.rig.resolver import Asked, Mood
from hil_tests.rig.virtual_loop import run_virtually
from hil_tests.rig.wrapping import Wrapping
from hil_tests.scenario import SensorPlan

DOOR = SensorPlan(
    name="door", room="Hall", address="C0:00:00:00:00:01", behaviour="door", key="derived", period_s=4
)
PID = 4711
FOR_S = 10.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {"stream": "s", "seq": 1, "sensor": DOOR.address, "kind": "door", "value": 1}
FULL, NOTHING_LOST = Filled(8192, 0, errno.ENOSPC), Lost(0, (), ())
IN_ORDER, GONE = Seen(bus=True, owned=True, adapter=True, powered=True), Seen()
EQUIPMENT_VERBS = {verb for verb in FAULTS if verb.split(".")[0] in {"line", "disk", "clock", "bluez"}}
TRUST_VERBS = {kind.__struct_config__.tag for kind in FAULTS.values() if kind.__module__.endswith(".trust")}

LASTING: dict[str, Any] = {"at_s": 1, "for_s": FOR_S}
AT_ONCE: dict[str, Any] = {"at_s": 1}


@dataclass
class FakeBench:
    """A home with one door; each attribute is what a part of the real bench would say or has been told."""

    air: Air = field(default_factory=lambda: Air(1))
    notes: dict[Any, Any] = field(default_factory=dict)
    directory: Path = Path("bench")
    delivered: int = 0  # adverts of the door
    sent: int = 0  # its transmissions
    counts: Counter[str] = field(default_factory=Counter)  # the hub's
    exit_status: int = 0
    status: dict[str, Any] = field(default_factory=lambda: {"written_ms": 1_000})
    stuck: bool = False
    counter: int = 1  # the sensor's
    pulses: int = 0
    pid: int | None = PID
    state: str = "sleeping"
    stored: list[list[dict[str, Any]]] = field(default_factory=lambda: [[ROW], [ROW]])  # at each question
    newer: int = 0  # readings, than the card
    answer: str = ""  # of the registry
    restores: list[Any] = field(default_factory=list)
    blind_for: list[str] = field(default_factory=list)
    standing: int = 0  # connections that pass the line
    clock_ahead_s: float = 0.0
    hub_says_s: float | None = None  # how far its clock is ahead by its own word; None: as far as it is
    calls: int = 0  # that the disk refused
    error: int | None = None  # with which it did; None: as it was told
    filled: Filled = FULL
    lost: Lost = NOTHING_LOST
    outbox: bytes = b""
    before: Seen = IN_ORDER  # by clients of BlueZ
    after: Seen = GONE
    scans_refused: int = 0
    adverts_emptied: int = 0
    killed_mid_write: bool = False
    asked: int = 0  # of the name server, in vain
    admitted: int = 0  # hubs, at the broker's door
    told: str = ""  # to a client of the site, of its certificate
    bundle: int = 1  # that the hub believes
    twin: dict[str, Any] = field(default_factory=dict)  # what a second hub says of itself

    def __post_init__(self) -> None:
        answers = iter(self.stored)
        pids, bundles = itertools.count(PID + 1), itertools.count(2)
        self.scenario = SimpleNamespace(seed=1)
        self.wrappings: list[Wrapping] = []  # of the hub
        self.moods: list[Mood] = []  # of its name server
        self.clock = FakeWallClock(self)
        self.bluez = FakeService(self)
        self.equipment = SimpleNamespace(
            hci=SimpleNamespace(attached=1, absent=_nothing, present=_nothing),
            bluez=self.bluez,
            line=_line(self.standing),
            lossy_disk=FakeDisk(self),
            small_disk=SimpleNamespace(fill=lambda: self.filled, empty=lambda: None),
            lose_power=lambda: None,
            clock=self.clock,
            names=SimpleNamespace(turn=self.moods.append, asked=lambda mood: Asked(mood, self.asked)),
        )
        self.ledger = SimpleNamespace(replayed=lambda _one: None)
        self.hub = SimpleNamespace(
            process=SimpleNamespace(pid=PID),
            status=lambda: self.status,
            status_file=self.directory / "status.json",
            state=self.directory,
            wrap=self.wrappings.append,
        )
        self.site = SimpleNamespace(
            ports={"mqtt": 1883},
            kill=lambda _role: self.pid,
            pid=lambda _role: next(pids),
            signal=lambda _role, _number: self.pid,
            state=lambda _role: self.state,
            backup=_nothing,
            restore=_nothing,
            readings=lambda: _gives(next(answers)),
            directory=self.directory,
            admissions=lambda: self.admitted,
            not_renewed=lambda _service: 0,
            roll_over=lambda: _gives(next(bundles)),
            bundles_of_hubs=lambda: _gives({"a": self.bundle}),
            certificate_trouble=lambda _role: _gives(self.told),
        )
        beacon = SimpleNamespace(
            start=lambda: None,
            stop=lambda: None,
            stick=lambda: None,
            stuck=self.stuck,
            restart_counters=lambda: self.counter,
        )
        outage = SimpleNamespace(
            pid=PID, exit_status=self.exit_status, last_number=5, fired=lambda: self.exit_status < 0
        )
        node = SimpleNamespace(last_number=self.counter, lose_power=lambda: _gives(outage), start=_nothing)
        self.nodes = SimpleNamespace(node=lambda _name: node)
        self.home = SimpleNamespace(beacon=lambda _name: beacon, do=self._do)

    def plan(self, _name: str) -> SensorPlan:
        """There is one sensor."""
        return DOOR

    def address(self, _name: str) -> str:
        """Of the one sensor."""
        return DOOR.address

    def addresses(self, _name: str) -> list[str]:
        """Of the one sensor."""
        return [DOOR.address]

    def delivered_from(self, _address: str) -> int:
        """So many adverts."""
        return self.delivered

    def transmissions_of(self, _address: str) -> int:
        """So many transmissions."""
        return self.sent

    def first_event_of(self, address: str) -> Transmission:
        """It opened."""
        return Transmission(address, 1, (reading(DOOR.model, "door", 1),), 0.0, b"recorded")

    def counted(self, reason: str) -> int:
        """What the hub counted."""
        return self.counts[reason]

    async def until(self, _condition: Callable[[], bool], _what: str, _wait_s: float = 0.0) -> None:
        """Wait in vain: the real one then ends the run, and what the fault says of itself is not even asked."""

    def blind(self, why: str) -> None:
        """It cannot hear."""
        self.blind_for.append(why)

    def sighted(self, why: str) -> None:
        """It can again."""
        self.blind_for.remove(why)

    async def kill_hub(self, *, mid_write: bool = False) -> int:
        """It ends with whatever status the case says."""
        self.killed_mid_write = mid_write
        return self.exit_status

    async def stop_hub(self) -> int:
        """It ends with whatever status the case says, and leaves its outbox behind."""
        if self.outbox:
            (self.directory / OUTBOX).write_bytes(self.outbox)
        return self.exit_status

    async def start_hub(self, *, surely: bool = True) -> None:
        """Nothing is to be started."""

    async def copy_card(self) -> None:
        """There is no card."""

    async def put_back_card(self) -> int:
        """So many readings were newer."""
        return self.newer

    async def mark_card(self, mark: Callable[[], Awaitable[object]]) -> None:
        """It is as it is now."""
        await mark()

    async def turn_back_card(self, turn_back: Callable[[], Awaitable[object]]) -> int:
        """So many readings were newer."""
        await turn_back()
        return self.newer

    async def start_twin(self) -> SimpleNamespace:
        """It says what the case says."""
        return SimpleNamespace(status=lambda: self.twin, kill=_nothing)

    async def revoke_hub(self) -> str:
        """What the registry answers."""
        return self.answer

    async def pause_home(self) -> None:
        """The hub goes by it."""

    async def resume_home(self) -> None:
        """And no longer."""

    def _do(self, _name: str, _action: str) -> None:
        self.sent += self.pulses


@dataclass
class FakeDisk:
    """Refuses as often as the case says."""

    bench: FakeBench
    refusing: int = 0

    async def turn_read_only(self) -> None:
        """As the real one."""
        self.refusing = errno.EROFS

    async def wear_out(self) -> None:
        """As the real one."""
        self.refusing = errno.EIO

    async def sync(self) -> None:
        """As the real one."""

    async def lie(self) -> None:
        """As the real one."""

    async def heal(self) -> Refused:
        """What the case says."""
        error = self.refusing if self.bench.error is None else self.bench.error
        return Refused(error, self.bench.calls)

    async def cut(self) -> Lost:
        """What the case says."""
        return self.bench.lost


@dataclass
class FakeWallClock:
    """Ahead by a number; drifts in virtual time."""

    bench: FakeBench

    def __post_init__(self) -> None:
        self.ahead_s = self.bench.clock_ahead_s

    def jump(self, seconds: float) -> None:
        """As the real one."""
        self.ahead_s += seconds

    def stand_at(self, moment: datetime) -> None:
        """As the real one."""
        self.ahead_s = (moment - NOW).total_seconds()

    def come_right(self) -> None:
        """As the real one."""
        self.ahead_s = 0.0

    @contextlib.asynccontextmanager
    async def drifting(self, parts_per_million: float) -> AsyncIterator[None]:
        """As the real one, in one step at the end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        yield
        self.ahead_s += (loop.time() - began) * parts_per_million / 1e6

    def seen(self, _status_file: Path) -> ClockSeen:
        """The hub says what the case says."""
        said = self.bench.hub_says_s
        return ClockSeen(self.ahead_s, self.ahead_s if said is None else said)


@dataclass
class FakeService:
    """An ``org.bluez`` of which clients see what the case says."""

    bench: FakeBench
    orders: list[str] = field(default_factory=list)

    async def crash(self) -> Crashed:
        """It had one scan, and knew two devices."""
        self.orders.append("crash")
        return Crashed(self.bench.before, self.bench.after, 1, 2)

    async def restart(self) -> Restarted:
        """It is back."""
        self.orders.append("restart")
        return Restarted(self.bench.after, self.bench.before)

    async def kill_bus(self) -> BusKilled:
        """It ends with whatever status the case says."""
        self.orders.append("kill_bus")
        return BusKilled(PID, self.bench.exit_status, self.bench.after)

    async def power_off(self) -> PoweredOff:
        """It had one scan."""
        self.orders.append("power_off")
        return PoweredOff(self.bench.before, self.bench.after, 1)

    async def power_on(self) -> None:
        """Note it."""
        self.orders.append("power_on")

    async def stick_in_progress(self) -> None:
        """Note it."""
        self.orders.append("stick")

    async def unstick(self) -> StuckInProgress:
        """What the case says."""
        self.orders.append("unstick")
        return StuckInProgress(self.bench.scans_refused)

    async def empty_adverts(self) -> None:
        """Note it."""
        self.orders.append("empty")

    async def fill_adverts(self) -> Emptied:
        """What the case says."""
        self.orders.append("fill")
        return Emptied(self.bench.adverts_emptied)


def _line(standing: int) -> FaultyLink:
    """The real line without a port, so that nobody comes; what stands has sockets of which nothing can be read."""
    line, closed = FaultyLink([]), cast("Any", SimpleNamespace(fileno=lambda: -1))
    line._interceptor = cast("Any", SimpleNamespace())
    line._crossings.update(Crossing(closed, closed, None, None) for _ in range(standing))
    return line


async def _nothing(*_arguments: object) -> None:
    pass


async def _gives(answer: Any) -> Any:
    return answer


Act = Callable[[FakeBench], None]


@dataclass(frozen=True)
class Case:
    """A fault, what the bench is like, what happens while it lasts, what must then be said."""

    fault: Fault
    says: str
    bench: dict[str, Any] = field(default_factory=dict)
    meanwhile: Act = lambda _bench: None

    def __str__(self) -> str:
        return f"{self.fault.verb}: {self.says}"


def played(case: Case, bench: FakeBench) -> Evidence:
    """Play a fault in virtual time."""

    async def main() -> Evidence:
        asyncio.get_running_loop().call_later(case.fault.for_s / 2, case.meanwhile, bench)
        return await case.fault.play(cast("Any", bench))

    return run_virtually(main())
