"""One generated day of one home: what the benchmarks measure with, the same for the same seed.

Eight thermometers that say temperature, humidity and battery once a minute, six motion and three
door sensors: some 38,000 readings.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from cloud_sync.wire.batch import Anchor, Batch, Contract, Inline, Quality, Quantity, Sensor, Stream, encode
from edge_agent.core.batching import Origin, Row, compose
from edge_agent.core.coverage import Standing
from zero_trust.envelope import sign_inside
from zero_trust.keys import PrivateKey
from zero_trust.names import HubName

SEED = 7
HUB = HubName("demo", "h-17", "abcdefghijk27")
ORIGIN = Origin(site=HUB.site, hub=HUB.hub, epoch=bytes(range(8)), boot_id=bytes(range(16)))
BOOT_AGE_MS = 3 * 86_400_000  # at the day's beginning the hub has run for three days
DAY_MS = 86_400_000
MORNING_MS = 1_800_000_000_000  # the wall clock then: 2027-01-15

ROOMS = ("Hall", "Kitchen", "Bedroom", "Bathroom", "Living room", "Study", "Landing", "Utility")
TEMPERATURE = Quantity("temperature", "°C", -2, "number")
HUMIDITY = Quantity("humidity", "%", -2, "number")
BATTERY = Quantity("battery", "%", 0, "number")
MOTION = Quantity("motion", "", 0, "boolean")
DOOR = Quantity("door", "", 0, "boolean")
CLIMATE_PERIOD_MS = 60_000
MOTIONS_A_DAY, OPENINGS_A_DAY = 300, 20


@cache
def rows() -> tuple[Row, ...]:
    """All readings of the day, in time order."""
    chance = random.Random(SEED)
    day = [row for number in range(8) for row in _climate(_address(0, number), chance)]
    for number in range(6):
        day += _events(_address(1, number), MOTION, MOTIONS_A_DAY, 30_000, chance)
    for number in range(3):
        day += _events(_address(2, number), DOOR, OPENINGS_A_DAY, 8_000, chance)
    return tuple(sorted(day, key=lambda row: row.at_ms))


@cache
def sensors() -> dict[str, Sensor]:
    """Every sensor of the home by its address."""
    kinds = (
        ("climate", 8, Contract.PERIODIC, 60),
        ("motion", 6, Contract.HEARTBEAT, 3600),
        ("door", 3, Contract.HEARTBEAT, 3600),
    )
    return {
        _address(kind, number): Sensor(
            _address(kind, number),
            f"{ROOMS[number]} {name}".lower(),
            ROOMS[number],
            "bthome_v2",
            contract,
            period_s,
        )
        for kind, (name, count, contract, period_s) in enumerate(kinds)
        for number in range(count)
    }


def batches(size: int, count: int | None = None) -> Iterator[Batch]:
    """Numbered batches of ``size`` readings, as the hub composes them: one day, or ``count`` of them.

    Beyond the day's end the readings begin again, under new sequence numbers.
    """
    day = rows()
    whole = len(day) // size
    for index in range(whole if count is None else count):
        start = index % whole * size
        yield _batch(index + 1, day[start : start + size])


def signed_day(key: PrivateKey, day: Iterable[Batch]) -> Iterator[bytes]:
    """Batches as the hub signs them: each leans on the manifest of an earlier one where it can."""
    before: Inline | None = None
    for batch in day:
        encoded = encode(batch, before)
        before = encoded.inline
        yield sign_inside(key, encoded.body, batch.site, batch.hub)


def _batch(seq: int, part: tuple[Row, ...]) -> Batch:
    """With what the hub listened to meanwhile, and how each sensor of the home stands."""
    first_ms, last_ms = part[0].at_ms, part[-1].at_ms
    told = {address: Standing(first_ms, kept=True) for address in sensors()}
    told |= {row.sensor: Standing(row.at_ms, kept=True) for row in part}
    anchor = Anchor(MORNING_MS + last_ms - BOOT_AGE_MS, last_ms, Quality.SYNCED)
    spans = ((first_ms, last_ms),)
    batch = compose(ORIGIN, Stream.ROUTINE, last_ms, anchor, part, sensors=sensors(), spans=spans, heard=told)
    return replace(batch, seq=seq)


def _climate(address: str, chance: random.Random) -> Iterator[Row]:
    """Each minute, give or take the delay that Bluetooth adds, with a little noise."""
    at_ms = BOOT_AGE_MS + chance.randrange(CLIMATE_PERIOD_MS)
    temperature, humidity = chance.randrange(1900, 2300), chance.randrange(4000, 5500)
    while at_ms < BOOT_AGE_MS + DAY_MS:
        temperature += round(chance.gauss(0, 1.5))
        humidity += round(chance.gauss(0, 4))
        yield Row(address, at_ms, temperature, TEMPERATURE)
        yield Row(address, at_ms, humidity, HUMIDITY)
        yield Row(address, at_ms, 93, BATTERY)
        at_ms += CLIMATE_PERIOD_MS + chance.randrange(10)


def _events(
    address: str, quantity: Quantity, count: int, hold_ms: int, chance: random.Random
) -> Iterator[Row]:
    """On and, a while later, off again."""
    for _ in range(count):
        at_ms = BOOT_AGE_MS + chance.randrange(DAY_MS - hold_ms)
        yield Row(address, at_ms, 1, quantity)
        yield Row(address, at_ms + hold_ms, 0, quantity)


def _address(kind: int, number: int) -> str:
    return f"C0:1A:00:00:{kind:02X}:{number:02X}"
