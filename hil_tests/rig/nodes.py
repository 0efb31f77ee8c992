"""Sensor nodes whose firmware really runs: MicroPython, one process for each, on the virtual air.

The files of ``device_profiles/firmware`` run unchanged. What a chip would give them (``machine``,
``bluetooth``, ``esp32``) comes from ``micropython/`` and ends here: lives and resets in
``node_chip.py``, pins and parts in ``node_parts.py``, the radio in ``node_radio.py``.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from device_profiles.encode import reading
from device_profiles.reading import Reading
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import Report, Transmission
from hil_tests.rig.errors import RigError
from hil_tests.rig.hub import ROLES, SensorEntry
from hil_tests.rig.node_chip import HARD_RESET, POWER_ON_RESET, Chip
from hil_tests.rig.node_parts import Climate, Parts, Stuck
from hil_tests.rig.process import until

MODEL = "bthome_v2"
START_WAIT_S = 15.0

Kind: TypeAlias = Literal["motion", "door", "button", "climate"]
Act: TypeAlias = Literal["move", "open", "close", "press"]

ACTS: dict[Kind, tuple[Act, ...]] = {
    "motion": ("move",),
    "door": ("open", "close"),
    "button": ("press",),
    "climate": (),
}
_COUNTER_FILE = "counter"
# device_profiles/firmware/pins.py; a reed contact is closed (0) while the door is, buttons rest high.
_MOTION, _REED, _BUTTON, _BOOT = 27, 33, 32, 0
_AT_REST = {_MOTION: 0, _REED: 0, _BUTTON: 1, _BOOT: 1}
_MOVE_S = 1.0  # how long the detector's output stays up
_PRESS_S = 0.2


@dataclass(frozen=True, slots=True)
class Outage:
    """Evidence that a node lost its power, or was reset.

    Attributes:
        sensor: The node's address.
        pid: The process that was killed; ``None`` in deep sleep, when none runs.
        at: Wall time in seconds.
        exit_status: How the process ended.
        asleep: It was in deep sleep; what it remembered of that is gone.
        last_number: Number of its last transmission; 0 if it had made none.
    """

    sensor: str
    pid: int | None
    at: float
    exit_status: int | None
    asleep: bool
    last_number: int

    def fired(self) -> bool:
        """A running process was killed, by us; or a sleeping node will not be woken."""
        return self.exit_status == -signal.SIGKILL or self.asleep


@dataclass(frozen=True, slots=True)
class CounterLost:
    """Evidence that a node forgot how far it had counted.

    Attributes:
        sensor: The node's address.
        last_number: Number of its last transmission before.
        first_number: Number of its first transmission after.
    """

    sensor: str
    last_number: int
    first_number: int

    def fired(self) -> bool:
        """The numbers really went back."""
        return self.first_number <= self.last_number


class Node:
    """One sensor node.

    Args:
        air: The medium; the node is the station named by its address.
        name: What people call it, at most 20 bytes.
        address: Random static address, upper case with colons.
        directory: Where its flash is; it outlives power cuts.
        kind: What is wired to it.
        key: It encrypts with this bindkey (16 bytes).
        period_s: It says its whole state this often, in whole seconds.
        deep_sleep: It sleeps between frames, as on a battery.
        window_s: How long it lets itself be configured after power-on.
        climate: What its climate sensor would measure now; by default a room of the air's seed.
        report: Told each transmission before its first copy is sent. Its number is the node's
            counter, whose low byte is the packet id.
    """

    def __init__(
        self,
        air: Air,
        name: str,
        address: str,
        *,
        directory: Path,
        kind: Kind,
        key: bytes | None = None,
        period_s: int = 60,
        deep_sleep: bool = False,
        window_s: int = 60,
        climate: Callable[[], Climate] | None = None,
        report: Report = lambda _transmission: None,
    ) -> None:
        self.name = name
        self.address = address
        self.kind = kind
        self.key = key
        self.period_s = period_s
        self.transmissions: list[Transmission] = []
        self.console: list[str] = []
        self._air = air
        self._flash = directory
        self._report = report
        self._settings = {
            "name": name,
            "period_s": period_s,
            "key": key.hex() if key else "",
            "fitted": [kind],
            "deep_sleep": deep_sleep,
            "window_s": window_s,
        }
        self._parts = Parts(_AT_REST, climate or _room(air, address))
        self._chip = Chip(
            air,
            name,
            address,
            directory,
            self._parts,
            hear=self._hear_console,
            advertise=self._note_transmission,
        )
        self._sensed: tuple[int, tuple[Reading, ...]] | None = None  # logged, not on the air yet
        self._stuck_since = 0
        self._timers: dict[int, asyncio.TimerHandle] = {}

    @property
    def entry(self) -> SensorEntry:
        """What the hub must be told of it."""
        contract = "periodic" if self.kind == "climate" else "heartbeat"
        return SensorEntry(
            self.address,
            self.name,
            "Hall",
            MODEL,
            f"{contract} {self.period_s} s",
            ROLES[self.kind],
            self.key,
        )

    @property
    def last_number(self) -> int:
        """Number of its last transmission; 0 if it has made none."""
        return self.transmissions[-1].number if self.transmissions else 0

    @property
    def pid(self) -> int | None:
        """Its process; ``None`` while it has no power or is in deep sleep."""
        return self._chip.pid

    async def start(self) -> None:
        """Give it power and wait until it has said something.

        Raises:
            RigError: MicroPython is missing, or the firmware did not come up; with its last words.
        """
        self._flash.mkdir(parents=True, exist_ok=True)
        settings = self._flash / "settings.json"
        if not settings.exists():
            settings.write_text(json.dumps(self._settings))
        await self._begin(POWER_ON_RESET)

    async def stop(self) -> None:
        """Take its power away in good order; nobody needs evidence."""
        await self._chip.power_off()

    async def lose_power(self) -> Outage:
        """Kill it. What it had written to flash is there at the next ``start``, RTC memory is not."""
        pid, asleep, last_number = self.pid, self._chip.asleep, self.last_number
        exit_status = await self._chip.power_off()
        return Outage(self.address, pid, time.time(), exit_status, asleep, last_number)

    async def reset(self) -> Outage:
        """Press its reset button: as a loss of power, but it starts again by itself."""
        loss = await self.lose_power()
        await self._begin(HARD_RESET)
        return loss

    async def lose_counter(self) -> CounterLost:
        """Take the power, delete the counter's file as a botched repair would, give it power again."""
        await self._chip.power_off()
        last_number, before = self.last_number, len(self.transmissions)
        (self._flash / _COUNTER_FILE).unlink(missing_ok=True)
        await self._begin(POWER_ON_RESET)
        return CounterLost(self.address, last_number, self.transmissions[before].number)

    def stick(self) -> None:
        """Its parts keep saying what they say now, whatever happens."""
        self._parts.stick()
        self._stuck_since = len(self.transmissions)

    def free(self) -> Stuck:
        """Its parts say the truth again."""
        transmissions = len(self.transmissions) - self._stuck_since
        stuck = Stuck(self.address, self._parts.held, self._parts.hidden, transmissions)
        for pin, level in self._parts.free().items():
            self._chip.pin_changed(pin, level)
        return stuck

    def act(self, action: Act) -> None:
        """Let something happen in front of it.

        Raises:
            RigError: Such a node cannot sense that.
        """
        if action not in ACTS[self.kind]:
            raise RigError(
                f"The {self.kind} node {self.name} cannot {action}.", hint="Choose an action of its kind."
            )
        if action == "move":
            self._pulse(_MOTION, 1, _MOVE_S)
        elif action == "press":
            self._pulse(_BUTTON, 0, _PRESS_S)
        else:
            self._drive(_REED, int(action == "open"))

    def hold_boot(self, for_s: float) -> None:
        """Hold its BOOT button: 3 s open the configuration window, 10 s make it forget name and key."""
        self._pulse(_BOOT, 0, for_s)

    # Its parts.

    def _pulse(self, pin: int, level: int, for_s: float) -> None:
        if timer := self._timers.get(pin):
            timer.cancel()
        self._drive(pin, level)
        loop = asyncio.get_running_loop()
        self._timers[pin] = loop.call_later(for_s, self._drive, pin, 1 - level)

    def _drive(self, pin: int, level: int) -> None:
        if self._parts.drive(pin, level):
            self._chip.pin_changed(pin, level)

    # What it says.

    async def _begin(self, cause: int) -> None:
        """Power on, and wait until it has said something."""
        before = len(self.transmissions)
        self._chip.power_on(cause)
        try:
            await until(
                lambda: len(self.transmissions) > before or self._chip.ended,
                f"The start of the node {self.name}",
                START_WAIT_S,
                every_s=0.01,
            )
        except RigError as error:
            await self._chip.power_off()
            words = "\n".join([*self.console[-5:], self._chip.complaint()])
            raise RigError(f"{error} Its last words:\n{words}") from error
        if self._chip.ended:
            await self._chip.power_off()

    def _hear_console(self, line: str) -> None:
        """What the firmware logs; ``sent 257 door=1`` announces the next advert."""
        self.console.append(line)
        words = line.split()
        if words[:1] == ["sent"]:
            readings = tuple(_reading(word) for word in words[2:])
            self._sensed = (int(words[1]), readings)

    def _note_transmission(self, data: bytes) -> None:
        if self._sensed is None:
            return  # the advert that was on the air already, begun anew
        (number, readings), self._sensed = self._sensed, None
        transmission = Transmission(self.address, number, readings, self._air.wall(), data)
        self.transmissions.append(transmission)
        self._report(transmission)


def _reading(logged: str) -> Reading:
    """A reading from the console: ``temperature=21.50``, ``button=press``."""
    kind, _, value = logged.partition("=")
    return reading(MODEL, kind, value if kind == "button" else Decimal(value))


def _room(air: Air, address: str) -> Callable[[], Climate]:
    """A room whose climate drifts, by the air's seed."""
    stream = air.stream(address, "climate")
    return lambda: (stream.gauss(20.5, 0.4), stream.gauss(48, 2))
