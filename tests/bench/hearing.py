"""How many adverts a second a real hub process hears, and how many of them it loses."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from device_profiles.encode import encode, reading
from hil_tests.rig.advertising import advert_bytes
from hil_tests.rig.air import Air, Pdu
from hil_tests.rig.beacons import random_address, random_static_address
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import Hub, SensorEntry
from hil_tests.rig.process import until
from hil_tests.rig.sensors import PACKET_IDS
from hil_tests.rig.site import Site
from tests.bench.harness import Figure, Samples, at_least, at_most

ROUNDS, ROUND_S = 5, 8
RATES = {"T1b": 2000, "T1": 500}  # adverts a second that the hub must hear
MARGIN = 1.05  # sent beyond that, as the last one takes its time
STEP_S = 0.01  # so many adverts at a time as fall into this
SENSORS, NEIGHBOURS, OURS_EVERY, COPIES = 10, 100, 4, 10
SENDER = "C0:20:00:00:00:{:02X}"
ONLINE_WAIT_S = 60.0
HEARD_WAIT_S = 30.0  # after the last advert; then what is missing is lost
STATUS_PERIOD_S = 0.05  # how finely the end is timed

Sent = tuple[str, Pdu]  # station, advert


@dataclass(slots=True)
class _Measured:
    """What the rounds of one tier gave."""

    sent: list[float] = field(default_factory=list)  # a second
    heard: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)  # delivered by the medium, and not heard
    not_taken: list[float] = field(default_factory=list)  # never given to the hub: its socket was full
    hub_cores: list[float] = field(default_factory=list)
    rig_cores: list[float] = field(default_factory=list)


def hearing() -> list[Figure]:
    """A real `lum-hub run`, enrolled and online; adverts of 10 sensors of the home and 100 of neighbours on the air.

    T1b: over an HCI socket; T1: stock bleak over the rig's org.bluez. Every fourth advert is one of the home's, of
    which each says something new ten times over, as an event's burst does. What is heard is the hub's own
    count, divided by the time from the first one sent to the last one heard; lost is what it has not counted 30 s
    after the last. Beside them: what the rig sent, and what it could not deliver.
    """
    measured = asyncio.run(_measure())
    return [figure for tier, of in measured.items() for figure in _figures(tier, of)]


def _figures(tier: str, of: _Measured) -> list[Figure]:
    rate = RATES[tier]
    cores = (
        f"{tier}: the hub took {_middle(of.hub_cores)} of a core, the rig {_middle(of.rig_cores)}; "
        f"{ROUNDS} rounds of {ROUND_S} s"
    )
    sent = Samples("sent by the rig", tuple(of.sent))
    not_taken = Samples("not delivered", tuple(of.not_taken))
    return [
        Figure(Samples(f"{tier}: adverts heard", tuple(of.heard)), "/s", at_least(rate), (sent,), (cores,)),
        Figure(Samples(f"{tier}: adverts lost, at {rate}/s", tuple(of.lost)), "", at_most(0), (not_taken,)),
    ]


def _middle(values: list[float]) -> str:
    low, middle, high = min(values), sorted(values)[len(values) // 2], max(values)
    return f"{middle:.2f} ({low:.2f} - {high:.2f})"


async def _measure() -> dict[str, _Measured]:
    measured = {tier: _Measured() for tier in RATES}
    for tier, of in measured.items():
        with tempfile.TemporaryDirectory(prefix="lum-bench-") as name:
            air = Air(seed=1)
            async with _hub(tier, air, Path(name)) as hub:
                adverts = _adverts()
                for _ in range(ROUNDS):
                    await _round(RATES[tier] * MARGIN, air, adverts, hub, of)
    return measured


@contextlib.asynccontextmanager
async def _hub(tier: str, air: Air, directory: Path) -> AsyncIterator[Hub]:
    """A hub that is online at a site of its own."""
    site = Site(directory / "site", directory / "site.log")
    await site.create()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(site.stop)
        await site.start()
        if tier == "T1":
            bluez = await stack.enter_async_context(FakeBluez(air, directory))
            hub = Hub(directory / "hub", directory / "hub.log", None, bluez.environment)
        else:
            socket = directory / "hci.sock"
            await stack.enter_async_context(HciServer(air, socket))
            hub = Hub(directory / "hub", directory / "hub.log", f"unix-client:{socket}")
        entries = [
            SensorEntry(SENDER.format(number), f"Sensor {number}", "Hall", "bthome_v2", "event-only")
            for number in range(SENSORS)
        ]
        await hub.configure(entries, batch_age_max_s=900, commit_window_max_s=15)
        text = hub.config.read_text().replace("status_period_s = 0.5", f"status_period_s = {STATUS_PERIOD_S}")
        hub.config.write_text(text)
        await hub.enrol(await site.voucher("home"))
        stack.push_async_callback(hub.stop)
        await hub.start()
        await until(lambda: hub.status().get("uplink") == "online", "Going online", ONLINE_WAIT_S)
        yield hub


async def _round(rate: float, air: Air, adverts: Iterator[Sent], hub: Hub, of: _Measured) -> None:
    """Send for some seconds, then wait until the hub says that it has heard all, or does not any more."""
    counts, before = air.counts, _heard(hub)
    delivered, not_taken = counts.delivered, counts.not_taken
    hub_s, rig_s, began_s = hub.usage().cpu_s, time.process_time(), time.perf_counter()
    number = round(rate * ROUND_S)
    await _send(air, itertools.islice(adverts, number), rate)
    sent_s = time.perf_counter() - began_s
    of.rig_cores.append((time.process_time() - rig_s) / sent_s)
    given = counts.delivered - delivered
    with contextlib.suppress(RigError):  # what is still missing then is lost
        await until(lambda: _heard(hub) - before >= given, "Hearing", HEARD_WAIT_S, every_s=STEP_S)
    took_s = time.perf_counter() - began_s
    heard = _heard(hub) - before
    of.hub_cores.append((hub.usage().cpu_s - hub_s) / took_s)
    of.sent.append(number / sent_s)
    of.heard.append(heard / took_s)
    of.lost.append(given - heard)
    of.not_taken.append(counts.not_taken - not_taken)


async def _send(air: Air, adverts: Iterator[Sent], rate: float) -> None:
    """Put them on the air, a few at each step."""
    clock = asyncio.get_running_loop().time
    began_s = clock()
    step = max(1, round(rate * STEP_S))
    for number, (station, pdu) in enumerate(adverts):
        if number % step == 0:
            await asyncio.sleep(max(0.0, began_s + number / rate - clock()))
        air.broadcast(station, pdu)
    await asyncio.sleep(0)


def _heard(hub: Hub) -> int:
    """How many adverts it has heard, by its own account; 0 before it has given one."""
    return int(hub.status().get("adverts", 0))


def _adverts() -> Iterator[Sent]:
    """One of the home's after each three of the neighbours', without end."""
    chance = random.Random(1)
    strangers = itertools.cycle([_stranger(chance, number) for number in range(NEIGHBOURS)])
    for ours in _ours():
        yield from itertools.islice(strangers, OURS_EVERY - 1)
        yield ours


def _ours() -> Iterator[Sent]:
    """The home's sensors in turns, each saying something new ten times over."""
    for number in itertools.count():
        for sensor in range(SENSORS):
            address = SENDER.format(sensor)
            said = [reading("bthome_v2", "temperature", 18 + number % 900 / 100)]
            data = advert_bytes(encode("bthome_v2", address, said, repeat=number % PACKET_IDS))
            yield from itertools.repeat((address, Pdu(random_address(address), data)), COPIES)


def _stranger(chance: random.Random, number: int) -> Sent:
    """A neighbour's thermometer; its advert comes again and again."""
    address = random_static_address(chance.randbytes(6))
    said = [reading("bthome_v2", "temperature", chance.uniform(15, 25))]
    data = advert_bytes(encode("bthome_v2", str(address), said, repeat=number % PACKET_IDS))
    return f"neighbour-{number}", Pdu(address, data)
