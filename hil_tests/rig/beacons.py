"""Simulated sensors on the air: each repeats its one current advert, as real firmware does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import msgspec
from bumble import hci

from device_profiles.advert import Advert
from device_profiles.encode import encode, reading
from hil_tests.rig.advertising import advert_bytes
from hil_tests.rig.air import Air, Link, Pdu
from hil_tests.rig.errors import RigError
from hil_tests.rig.sensors import PACKET_IDS, SENSORS, Cause, Frame, Sensor

if TYPE_CHECKING:
    from device_profiles.reading import Reading
    from hil_tests.rig.behaviour import Action
    from hil_tests.scenario import Scenario, SensorPlan

EVENT_BURST_S = 3.0
PERIODIC_GAP_S = 0.3
NEIGHBOUR_PERIOD_S = 2.0


class Transmission(msgspec.Struct, frozen=True):
    """New readings that a sensor put on the air, however often it repeats them.

    Attributes:
        sensor: Its address.
        number: Running count of this sensor's transmissions, from 1.
        readings: What it said.
        at: Wall time of the first copy, in seconds.
        data: Advertising data; a delivery of the same address and data is a copy of it.
    """

    sensor: str
    number: int
    readings: tuple[Reading, ...]
    at: float
    data: bytes


Report = Callable[[Transmission], None]


class SimulatedHome:
    """All transmitters of a scenario: the home's sensors and the neighbours' beacons."""

    def __init__(self, air: Air, scenario: Scenario, report: Report, *, hub: str = "hub") -> None:
        """Set up all transmitters, silent as yet.

        Args:
            air: The medium.
            scenario: Who is there and what happens.
            report: Told each transmission of the home's sensors before its first copy is sent.
            hub: The station whose links the scenario describes.
        """
        self._scenario = scenario
        self._beacons: dict[str, Beacon] = {}
        self._transmitters: list[Beacon | Neighbour] = [
            Neighbour(air, number) for number in range(scenario.neighbours)
        ]
        self._events: list[asyncio.TimerHandle] = []
        for plan in scenario.sensors:
            if plan.behaviour not in SENSORS or plan.runs != "script":
                continue  # it must be connected to (``visited.py``), or runs firmware (``node_home.py``)
            sensor = SENSORS[plan.behaviour](plan, air.stream(plan.name), _sense_of(plan))
            beacon = Beacon(air, sensor, scenario.key_of(plan), report)
            self._beacons[plan.name] = beacon
            self._transmitters.append(beacon)
            link = Link(loss=plan.loss, signal_dbm=plan.signal_dbm, sigma_db=plan.sigma_db)
            air.arrange(plan.address, hub, link)

    def start(self) -> None:
        """Begin the story now."""
        loop = asyncio.get_running_loop()
        for transmitter in self._transmitters:
            transmitter.start()
        for event in self._scenario.events:
            if event.sensor not in self._beacons:
                continue
            self._events.append(loop.call_later(event.at_s, self.do, event.sensor, event.do))

    def stop(self) -> None:
        """Fall silent."""
        for transmitter in self._transmitters:
            transmitter.stop()
        for event in self._events:
            event.cancel()

    def do(self, sensor: str, action: Action) -> None:
        """Let something happen to the sensor of that name."""
        self.beacon(sensor).do(action)

    def beacon(self, sensor: str) -> Beacon:
        """The sensor of that name.

        Raises:
            RigError: None has it, or it must be connected to.
        """
        if sensor not in self._beacons:
            raise RigError(f"No sensor that advertises what it says is called {sensor!r}.")
        return self._beacons[sensor]


class Beacon:
    """Gives one sensor its timer and its bursts."""

    def __init__(self, air: Air, sensor: Sensor, key: bytes | None, report: Report) -> None:
        self._air = air
        self._sensor = sensor
        self._key = key
        self._report = report
        self._address = random_address(sensor.plan.address)
        self._number = 0
        self._began_s = 0.0
        self._stopped_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._burst = Burst(air, sensor.plan.address)

    def start(self) -> None:
        """Begin to sense and to send; after :meth:`stop`, go on as if no time had passed."""
        self._began_s = asyncio.get_running_loop().time() - self._stopped_s
        self._wait()

    def restart_counters(self) -> int:
        """Forget packet id and encryption counter, as after a reset; gives what they were."""
        before, self._number = self._number, 0
        return before

    def stick(self) -> None:
        """Say the very same values from now on."""
        self._sensor.stick()

    @property
    def stuck(self) -> bool:
        """Whether it says the very same values."""
        return self._sensor.is_stuck

    def stop(self) -> None:
        """Fall silent."""
        self._stopped_s = self._elapsed_s()
        self._burst.stop()
        if self._timer is not None:
            self._timer.cancel()

    def do(self, action: Action) -> None:
        """Let something happen to the sensor now."""
        self._transmit_all(self._sensor.do(action, self._elapsed_s()))
        self._wait()  # it may now be due earlier

    def _wake(self) -> None:
        self._transmit_all(self._sensor.act(self._elapsed_s()))
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._began_s + self._sensor.due_s, self._wake)

    def _elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    def _transmit_all(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._number += 1
            data = self._encode(frame)
            plan = self._sensor.plan
            self._report(Transmission(plan.address, self._number, frame.readings, self._air.wall(), data))
            pdu = Pdu(address=self._address, data=data)
            if frame.cause is Cause.EVENT:
                self._burst.send(pdu, plan.event_copies, EVENT_BURST_S / plan.event_copies)
            else:
                self._burst.send(pdu, plan.periodic_copies, PERIODIC_GAP_S)

    def _encode(self, frame: Frame) -> bytes:
        plan = self._sensor.plan
        advert = encode(
            plan.model,
            plan.address,
            frame.readings,
            repeat=self._number % PACKET_IDS,
            key=self._key,
            counter=self._number,
        )
        return advert_bytes(advert)


class Burst:
    """The one advert that a transmitter repeats; a newer one takes its place."""

    def __init__(self, air: Air, source: str) -> None:
        self._air = air
        self._source = source
        self._next: asyncio.TimerHandle | None = None

    def send(self, pdu: Pdu, copies: int, gap_s: float) -> None:
        """Send the first copy now and the others ``gap_s`` apart."""
        self.stop()
        self._air.broadcast(self._source, pdu)
        if copies > 1:
            self._next = asyncio.get_running_loop().call_later(gap_s, self.send, pdu, copies - 1, gap_s)

    def stop(self) -> None:
        """Send no more copies."""
        if self._next is not None:
            self._next.cancel()
            self._next = None


class Neighbour:
    """Another household's beacon: a thermometer like ours, or a tag of some other make."""

    def __init__(self, air: Air, number: int) -> None:
        self._air = air
        self._stream = air.stream("neighbour", str(number))
        self._address = random_static_address(self._stream.randbytes(6))
        self._source = self._address.to_string(with_type_qualifier=False)
        self._is_thermometer = number % 2 == 0
        self._tag = self._stream.randbytes(20)
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to send, at a moment of its own."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stream.random() * NEIGHBOUR_PERIOD_S, self._send)

    def stop(self) -> None:
        """Fall silent."""
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        self._sent += 1
        data = self._thermometer() if self._is_thermometer else self._other()
        self._air.broadcast(self._source, Pdu(address=self._address, data=data))
        pause_s = NEIGHBOUR_PERIOD_S * self._stream.uniform(0.9, 1.1)
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._send)

    def _thermometer(self) -> bytes:
        readings = [reading("bthome_v2", "temperature", self._stream.uniform(15, 25))]
        return advert_bytes(encode("bthome_v2", self._source, readings, repeat=self._sent % PACKET_IDS))

    def _other(self) -> bytes:
        return advert_bytes(
            Advert(
                address=self._source,
                local_name=None,
                service_uuids=(),
                service_data={},
                manufacturer_data={0x004C: b"\x02\x15" + self._tag},
                signal_dbm=0,
                heard_ms=0,
            )
        )


def random_address(text: str) -> hci.Address:
    """Return an address as Bumble holds it; sensors here use random device addresses."""
    return hci.Address(text, hci.Address.RANDOM_DEVICE_ADDRESS)


def random_static_address(source: bytes) -> hci.Address:
    """Make six bytes a random static address (Vol 6, Part B, 1.3.2.1: top two bits 1)."""
    return random_address(":".join(f"{byte:02X}" for byte in (source[0] | 0xC0, *source[1:6])))


def _sense_of(plan: SensorPlan) -> Callable[[str, float | str], Reading]:
    """What it says for a value; most values come again and again."""
    return lru_cache(maxsize=1024, typed=True)(partial(reading, plan.model))
