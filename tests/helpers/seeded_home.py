"""A home in a store, written the way the intake and the authority write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from cloud_sync.receiver.store.batches import Arrival, Batches, Session
from cloud_sync.receiver.store.database import open_database
from cloud_sync.receiver.store.homes import Homes
from cloud_sync.receiver.store.registry import HubRow, Registry
from cloud_sync.sync.placing import place
from cloud_sync.wire.batch import (
    Anchor,
    Batch,
    Contract,
    Heard,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    decode,
    encode,
    leans_on,
)
from device_profiles.reading import Flag
from zero_trust.policy import Standing
from zero_trust.voucher import VoucherRow

HUB = "abcdefghijklm"
EPOCH = bytes(8)
BOOT = bytes(16)
BOOT_AGE_MS = 100_000_000  # how long the hub has run


@dataclass
class Told:
    """One sensor and what its hub says of it; times are "so many ms ago"."""

    sensor: Sensor
    readings: Sequence[tuple[Quantity, int | str, int]] = ()  # with the age of each
    heard_ago_ms: int | None = 20_000
    kept: bool = True


@dataclass
class SeededHome:
    """A store with one enrolled hub in one home; ``now_ms`` is the hub's clock and ours."""

    path: Path
    now_ms: int
    home: str = "margaret"
    _seq: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Open the store and enrol the hub."""
        self.db = open_database(self.path)
        self.batches = Batches(self.db)
        self.registry = Registry(self.db)
        self.homes = Homes(self.db)
        row = HubRow(HUB, self.home, b"identity", b"", Standing.ENROLLED, "", self.now_ms, self.now_ms)
        self.registry.enrol(row, VoucherRow("voucher", self.home, b"", 0))

    def beat(self, *, ago_ms: int = 0, frame_age_s: int = 3) -> None:
        """Let a heartbeat be believed."""
        with self.batches.transaction():
            if self.batches.session(HUB) is None:
                self.batches.open_session(Session(HUB, b"", BOOT, self.now_ms, 0, None, None))
            self.batches.beat(HUB, 1, self.now_ms - ago_ms, frame_age_s)

    def tell(
        self,
        told: Iterable[Told],
        *,
        quality: Quality = Quality.SYNCED,
        spans: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Let a batch be counted that says all this; ``spans`` of listening are "from so many ms ago until so many"."""
        told = list(told)
        self._seq += 1
        quantities = tuple(dict.fromkeys(quantity for each in told for quantity, _, _ in each.readings))
        batch = Batch(
            site="site",
            hub=HUB,
            epoch=EPOCH,
            stream=Stream.ROUTINE,
            seq=self._seq,
            boot_id=BOOT,
            made_ms=BOOT_AGE_MS,
            anchor=Anchor(self.now_ms, BOOT_AGE_MS, quality),
            sensors=tuple(each.sensor for each in told),
            quantities=quantities,
            readings=tuple(
                Reading(number, quantities.index(quantity), BOOT_AGE_MS - age_ms, value)
                for number, each in enumerate(told)
                for quantity, value, age_ms in each.readings
            ),
            spans=tuple((BOOT_AGE_MS - first, BOOT_AGE_MS - last) for first, last in spans),
            heard=tuple(
                Heard(number, BOOT_AGE_MS - each.heard_ago_ms, each.kept)
                for number, each in enumerate(told)
                if each.heard_ago_ms is not None
            ),
        )
        body = encode(batch).body
        header, manifest = leans_on(body)
        arrival = Arrival(
            HUB, header, manifest, self._seq.to_bytes(32), bytes(32), body, len(body), self.now_ms
        )
        read = decode(body, "site", HUB, manifest or b"")
        with self.batches.transaction():
            unread = self.batches.insert(arrival)
            placing = place(read, self.batches.best_anchor(read), self.now_ms)
            self.batches.derive(self.home, unread, read, placing, whole=True)


def sensor(
    number: int, name: str, room: str, contract: Contract = Contract.HEARTBEAT, role: str = ""
) -> Sensor:
    """A sensor with an address of its own."""
    period_s = 0 if contract is Contract.EVENT_ONLY else 60
    return Sensor(f"C0:FF:EE:00:00:{number:02X}", name, room, "bthome_v2", contract, period_s, role)


def number(kind: str, unit: str, exponent: int = 0) -> Quantity:
    """A quantity that is a number."""
    return Quantity(kind, unit, exponent, "number")


def state(kind: str, flags: int = 0) -> Quantity:
    """A quantity that is yes or no."""
    return Quantity(kind, "", 0, "boolean", flags)


def event(kind: str, flags: int = 0) -> Quantity:
    """A quantity that is a word."""
    return Quantity(kind, "", 0, "text", flags)


TEMPERATURE = number("temperature", "°C", -2)
HUMIDITY = number("humidity", "%", -2)
BATTERY = number("battery", "%")

MINUTE = 60_000
ORDINARY = (
    Told(
        sensor(1, "Thermometer", "Living room", Contract.PERIODIC),
        [(TEMPERATURE, 2164, 20_000), (HUMIDITY, 4710, 20_000), (BATTERY, 88, 20_000)],
    ),
    Told(sensor(2, "Movement", "Hall"), [(state("motion"), 0, 4 * MINUTE), (BATTERY, 71, MINUTE)]),
    Told(sensor(3, "Front door", "Hall"), [(state("door", Flag.PLAIN), 0, 190 * MINUTE)]),
    Told(sensor(4, "Movement", "Kitchen"), [(state("motion"), 1, 30_000)]),
    Told(
        sensor(5, "Help button", "Bedroom", Contract.EVENT_ONLY),
        [(event("button", Flag.PLAIN), "press", 26 * 60 * MINUTE)],
    ),
)
SILENT = Told(
    sensor(6, "Window", "Bedroom"),
    [(state("window"), 1, 300 * MINUTE), (BATTERY, 4, 300 * MINUTE)],
    heard_ago_ms=299 * MINUTE,
    kept=False,
)
NEVER = Told(sensor(7, "Smoke alarm", "Kitchen"), heard_ago_ms=None)
UNCERTAIN = Told(
    sensor(8, "Fridge thermometer", "Kitchen", Contract.PERIODIC), [(TEMPERATURE, -152, 9 * MINUTE)]
)
DOUBTED = Told(
    sensor(9, "Back door", "Kitchen", role="entrance"),
    [
        (state("door", Flag.WEAK_SIGNAL), 0, 40 * MINUTE),
        (state("door", Flag.PLAIN | Flag.COUNTER_RESET | Flag.WEAK_SIGNAL), 1, 10 * MINUTE),
        (replace(BATTERY, flags=int(Flag.BATTERY_LOW)), 3, 90 * MINUTE),
    ],
)
