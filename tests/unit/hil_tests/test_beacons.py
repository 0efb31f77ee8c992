"""Simulated sensors on the air, in virtual time."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from pathlib import Path

import msgspec

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Status
from hil_tests.rig.air import Air, Delivery
from hil_tests.rig.beacons import SimulatedHome, Transmission, random_static_address
from hil_tests.rig.sensors import SENSORS
from hil_tests.rig.virtual_loop import run_virtually
from hil_tests.scenario import Event, Home, Scenario, SensorPlan, load_scenario
from tests.helpers.controllers import CENTRAL, Station

DEMO = Path(__file__).parents[3] / "hil_tests" / "scenarios" / "demo.toml"
DOOR = SensorPlan(name="door", room="Hall", address="C0:00:00:00:00:01", behaviour="door", period_s=1000)


def _scenario(*sensors: SensorPlan, events: tuple[Event, ...] = (), neighbours: int = 0) -> Scenario:
    return Scenario("Test", 3, 100, Home("home"), sensors, events, neighbours)


def _play(scenario: Scenario, seconds: float) -> tuple[list[Transmission], list[Delivery]]:
    """Let a scenario run beside a hub that listens all the time."""
    sent: list[Transmission] = []
    delivered: list[Delivery] = []

    async def main() -> None:
        air = Air(scenario.seed, wall=asyncio.get_running_loop().time)
        air.observe(delivered.append)
        Station("hub", air, CENTRAL).scan()
        home = SimulatedHome(air, scenario, sent.append)
        home.start()
        await asyncio.sleep(seconds)
        home.stop()
        heard = len(delivered)
        await asyncio.sleep(seconds)
        assert len(delivered) == heard, "silent after stop"

    run_virtually(main())
    return sent, delivered


def test_an_event_is_sent_at_once_and_repeated() -> None:
    """Ten copies go out within 3 s, the first in the moment of the event."""
    sent, delivered = _play(_scenario(DOOR, events=(Event(5, "door", "open"),)), 20)
    assert [(one.number, one.at) for one in sent] == [(1, 5)]
    assert [round(one.at - 5, 3) for one in delivered] == [round(0.3 * n, 3) for n in range(10)]
    assert {(one.address, one.data) for one in delivered} == {(DOOR.address, sent[0].data)}


def test_a_newer_transmission_replaces_the_running_burst() -> None:
    """When the door closes a second after opening, nothing says open any more."""
    events = (Event(5, "door", "open"), Event(6, "door", "close"))
    sent, delivered = _play(_scenario(DOOR, events=events), 20)
    order = [one.data for one in delivered]
    assert order == [sent[0].data] * 4 + [sent[1].data] * 10


def test_periodic_frames_are_repeated_as_often_as_asked() -> None:
    """A climate sensor with two copies is heard twice per transmission."""
    plan = SensorPlan(
        name="t", room="x", address=DOOR.address, behaviour="climate", period_s=10, periodic_copies=2
    )
    sent, delivered = _play(_scenario(plan), 95)
    assert set(Counter(one.data for one in delivered).values()) == {2}
    assert len(sent) in (9, 10)


def test_each_transmission_is_reported_before_its_first_copy() -> None:
    """A ledger knows of a transmission before any delivery of it, numbered from 1 without gaps."""
    log: list[Transmission | Delivery] = []

    async def main() -> None:
        air = Air(1)
        air.observe(log.append)
        Station("hub", air, CENTRAL).scan()
        home = SimulatedHome(air, load_scenario(DEMO), log.append)
        home.start()
        await asyncio.sleep(120)

    run_virtually(main())
    known: dict[tuple[str, bytes], int] = {}
    numbers: Counter[str] = Counter()
    for entry in log:
        if isinstance(entry, Transmission):
            numbers[entry.sensor] += 1
            assert entry.number == numbers[entry.sensor]
            known[entry.sensor, entry.data] = entry.number
        elif entry.address in numbers:
            assert (entry.address, entry.data) in known


def test_the_demo_shows_life_in_its_first_minute() -> None:
    """Every sensor of the demo that need not be connected to speaks within a minute, and at least fifty times in all."""
    demo = load_scenario(DEMO)
    sent, _ = _play(demo, 60)
    beacons = {sensor.address for sensor in demo.sensors if sensor.behaviour in SENSORS}
    assert {one.sensor for one in sent} == beacons
    assert len(sent) >= 50


def test_every_advert_of_the_demo_decodes_to_what_was_sent() -> None:
    """With its key, each transmission reads back as its own readings; the catalogue is the judge."""
    demo = load_scenario(DEMO)
    sent, _ = _play(demo, 300)
    catalogue = Catalogue.load()
    plans = {sensor.address: sensor for sensor in demo.sensors}
    for one in sent:
        plan = plans[one.sensor]
        outcome = catalogue.decode(advert_of(one), demo.key_of(plan), plan.model)
        assert outcome.status is Status.DECODED
        assert Counter(outcome.readings) == Counter(one.readings)


def test_encrypted_sensors_say_nothing_without_the_key() -> None:
    """The demo's encrypted sensors cannot be read without their keys."""
    demo = load_scenario(DEMO)
    encrypted = {sensor.address for sensor in demo.sensors if sensor.key}
    sent, _ = _play(demo, 60)
    statuses = {Catalogue.load().decode(advert_of(one)).status for one in sent if one.sensor in encrypted}
    assert statuses == {Status.NEEDS_KEY}


def test_neighbours_are_heard_and_not_reported() -> None:
    """Other people's beacons are on the air under addresses of their own, and in no ledger."""
    sent, delivered = _play(_scenario(DOOR, neighbours=5), 60)
    assert sent == []
    assert len({one.address for one in delivered}) == 5
    assert DOOR.address not in {one.address for one in delivered}


def test_the_same_seed_gives_the_same_air_to_the_bit() -> None:
    """Ten minutes of the demo hash the same twice, and differently under another seed."""
    demo = load_scenario(DEMO)
    other = msgspec.structs.replace(demo, seed=demo.seed + 1)
    hashes = [hashlib.sha256(repr(_play(one, 600)).encode()).hexdigest() for one in (demo, demo, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_one_sensor_more_does_not_change_the_others() -> None:
    """Each sensor draws from its own stream, so a scenario can grow."""
    demo = load_scenario(DEMO)
    last = demo.sensors[0].name
    events = tuple(event for event in demo.events if event.sensor != last)
    fewer = msgspec.structs.replace(demo, sensors=demo.sensors[1:], events=events)
    kept = {sensor.address for sensor in fewer.sensors}
    both = [[one for one in _play(story, 120)[1] if one.address in kept] for story in (demo, fewer)]
    assert both[0] == both[1]


def test_random_static_addresses_have_both_top_bits() -> None:
    """Vol 6, Part B, 1.3.2.1: a random static address begins with two ones."""
    assert str(random_static_address(bytes(6))).startswith("C0:00:00:00:00:00")


def advert_of(transmission: Transmission) -> Advert:
    """Take apart what ``advert_bytes`` made."""
    services: dict[str, bytes] = {}
    makers: dict[int, bytes] = {}
    at = 0
    while at < len(transmission.data):
        kind, body = transmission.data[at + 1], transmission.data[at + 2 : at + 1 + transmission.data[at]]
        if kind == 0x16:
            services[full_uuid(body[:2][::-1].hex())] = body[2:]
        elif kind == 0xFF:
            makers[int.from_bytes(body[:2], "little")] = body[2:]
        at += 1 + transmission.data[at]
    return Advert(transmission.sensor, None, (), services, makers, -60, 0)
