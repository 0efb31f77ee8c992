"""A running site, a running hub on a virtual radio, and an attacker who holds the wire between them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
import nats
import psutil
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from cloud_sync.receiver import broker
from cloud_sync.receiver.config import ReceiverConfig, load_config
from cloud_sync.wire import message as wire
from cloud_sync.wire.topics import ALL_UP_SUBJECT, down_subject, down_topic, hub_of_subject, up_topic
from edge_agent.adapters import authority
from edge_agent.adapters.identity import HubIdentity, load_identity
from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import ROLES, Hub, SensorEntry
from hil_tests.rig.process import command
from hil_tests.rig.site import Site
from hil_tests.scenario import Home, Scenario, SensorPlan
from zero_trust.envelope import open_sealed, seal, site_key_id
from zero_trust.keystore import load_site_key

WAIT_S = 30.0
EVERY_S = 0.1
BUTTON = SensorPlan(
    name="button", room="Hall", address="C0:00:00:00:00:01", behaviour="button", period_s=3600
)
CLIMATE = SensorPlan(
    name="climate", room="Hall", address="C0:00:00:00:00:02", behaviour="climate", period_s=2
)
T = TypeVar("T")


async def eventually(ask: Callable[[], T], what: str, wait_s: float = WAIT_S) -> T:
    """Ask again and again until the answer is true; returns it."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while not (answer := ask()):
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {wait_s:.0f} s"
        await asyncio.sleep(EVERY_S)
    return answer


async def eventually_told(ask: Callable[[], Awaitable[T]], what: str, wait_s: float = WAIT_S) -> T:
    """As :func:`eventually`, for a question that must be awaited."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while not (answer := await ask()):
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {wait_s:.0f} s"
        await asyncio.sleep(EVERY_S)
    return answer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    complaint: str


async def ended(*arguments: str, wait_s: float = WAIT_S) -> Ended:
    """Run one of Lum's commands to its end, whatever that is."""
    process = await asyncio.create_subprocess_exec(
        command(arguments[0]),
        *arguments[1:],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(wait_s):
            out, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), complaint.decode())


@dataclass
class LivingHome:
    """One site; hubs are added to it."""

    directory: Path
    site: Site
    stack: contextlib.AsyncExitStack
    hubs: int = 0

    @property
    def config(self) -> ReceiverConfig:
        """The site's configuration."""
        return load_config(self.site.config)

    async def add_hub(
        self,
        *plans: SensorPlan,
        home: str = "home",
        enrolled: bool = True,
        assigned: bool = True,
        neighbours: int = 0,
    ) -> LivingHub:
        """A hub with sensors of its own, on an air of its own with so many neighbours; not started yet."""
        self.hubs += 1
        directory = self.directory / f"hub{self.hubs}"
        directory.mkdir()
        radio = directory / "hci.sock"
        hub = Hub(directory, directory / "hub.log", f"unix-client:{radio}")
        entries = [entry(plan) for plan in plans] if assigned else []
        await hub.configure(entries, batch_age_max_s=900, commit_window_max_s=15)
        if enrolled:
            await hub.enrol(await self.site.voucher(home))
        self.stack.push_async_callback(hub.process.stop)
        air, sensors = Air(self.hubs), None
        if plans:
            scenario = Scenario("Test", self.hubs, 3600, Home(home), plans, neighbours=neighbours)
            sensors = SimulatedHome(air, scenario, lambda _: None)
            self.stack.callback(sensors.stop)
        return LivingHub(hub, HciServer(air, radio), sensors)

    def process(self, role: str) -> psutil.Process:
        """The process of the site with that role, by its command line."""
        mark = "nats-server" if role == "broker" else f" {role} "
        pids = [pid for pid in self.site.pids() if mark in " ".join(psutil.Process(pid).cmdline()) + " "]
        return psutil.Process(pids[0])


@dataclass
class LivingHub:
    """A hub process, its radio and its sensors."""

    hub: Hub
    radio: HciServer
    sensors: SimulatedHome | None

    @property
    def identity(self) -> HubIdentity:
        """Its credential: what somebody has who stole its disk."""
        return load_identity(self.hub.directory / "state")

    def press(self) -> None:
        """Its button is pressed: an urgent reading."""
        assert self.sensors is not None
        self.sensors.do("button", "press")

    def status(self) -> dict[str, Any]:
        """What the running hub says of itself, as ``lum-hub status --json`` would."""
        return self.hub.status()

    async def said(self) -> str:
        """What ``lum-hub status`` tells a person."""
        return (await ended("lum-hub", "status", "--config", str(self.hub.config))).out

    async def start(self) -> None:
        """Start it, on a living air, and wait until it is online and listens."""
        await self.hub.start()
        await self.online()
        await eventually(lambda: self.radio.attached > 0, "the hub listens")

    async def online(self) -> None:
        """Wait until its session with the site is open."""
        await eventually(lambda: self.status().get("uplink") == "online", "the hub is online")

    async def emptied(self) -> None:
        """Wait until everything cut has its receipt."""
        await eventually(
            lambda: self.status().get("waiting") == 0 and self.status()["uplink"] == "online",
            "everything handed over",
        )

    async def alarm(self, name: str) -> Mapping[str, Any]:
        """Wait until it raises that alarm."""
        return await eventually(lambda: self.alarms().get(name, {}), f"the alarm {name}")

    def alarms(self) -> dict[str, Mapping[str, Any]]:
        """What it says is wrong, by name."""
        return {alarm["name"]: alarm for alarm in self.status().get("alarms", [])}


@contextlib.asynccontextmanager
async def living_home(directory: Path) -> AsyncIterator[LivingHome]:
    """A site that runs; everything that was added to it ends with it."""
    site = Site(directory / "site", directory / "receiver.log")
    await site.create()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(site.stop)
        await site.start()
        yield LivingHome(directory, site, stack)


@dataclass
class HostileBroker:
    """The wire in the hands of an attacker: sees every message that goes up, says anything in anybody's name.

    It knows what a broker knows: ciphertext, topics, and the site's public key.
    """

    client: Client
    config: ReceiverConfig
    seen: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    async def up(self, hub: str, payload: bytes) -> None:
        """Say something to the site as that hub."""
        await self.client.publish(f"hubs.{hub}.up", payload)
        await self.client.flush()

    async def down(self, hub: str, payload: bytes) -> None:
        """Say something to a hub as the site."""
        await self.client.publish(down_subject(hub), payload)
        await self.client.flush()

    def messages(self, hub: str, kind: wire.Kind) -> list[bytes]:
        """What a hub sent so far, of one kind."""
        return [payload for payload in self.seen[hub] if payload[:1] == bytes([kind])]

    async def note(self, message: Msg) -> None:
        """Keep what passes."""
        self.seen[hub_of_subject(message.subject)].append(message.data)


@contextlib.asynccontextmanager
async def hostile_broker(living: LivingHome) -> AsyncIterator[HostileBroker]:
    """Turn the running broker: its configuration now lets one client speak as any hub."""
    config = living.config
    file = config.paths.run / "broker.conf"
    honest = file.read_text()
    turned = honest.replace('allow: ["cmd.*"]', f'allow: ["cmd.*", "{ALL_UP_SUBJECT}"]')
    assert turned != honest
    file.write_text(turned)
    living.process("broker").send_signal(signal.SIGHUP)
    client = await nats.connect(**broker.intake_options(config).arguments)
    attacker = HostileBroker(client, config)
    await client.subscribe(ALL_UP_SUBJECT, cb=attacker.note)
    await eventually_told(lambda: _may_speak(attacker), "the broker has turned")
    try:
        yield attacker
    finally:
        await client.close()


async def _may_speak(attacker: HostileBroker) -> bool:
    await attacker.up("a" * 13, b"")  # a hub that nobody knows: refused by name, nothing else
    return bool(attacker.seen["a" * 13])


@contextlib.asynccontextmanager
async def mqtt_client(identity: HubIdentity, client_id: str = "") -> AsyncIterator[aiomqtt.Client]:
    """Somebody with a hub's real credential and a mind of their own, listening on its topic."""
    credential = await asyncio.to_thread(authority.renew, identity)
    async with aiomqtt.Client(
        identity.broker_host,
        identity.broker_port,
        identifier=client_id or identity.hub,
        tls_context=credential.context(authority.ask_time(identity).now_ms),
        clean_session=True,
        timeout=10,
    ) as client:
        await client.subscribe(down_topic(identity.hub))
        yield client


async def answer_to(client: aiomqtt.Client, identity: HubIdentity, payload: bytes) -> bytes:
    """Send bytes as a hub and wait for what the site says to that."""
    await client.publish(up_topic(identity.hub), payload, qos=0)
    async with asyncio.timeout(WAIT_S):
        return bytes((await anext(aiter(client.messages))).payload)


def site_key(config: ReceiverConfig) -> X25519PrivateKey:
    """The site's encryption key; an attacker has only its public half."""
    key: X25519PrivateKey = load_site_key(config.paths.intake / "site.key")
    return key


def sealed(signed: bytes, config: ReceiverConfig, hub: str) -> bytes:
    """A batch message, sealed as anybody can who knows the site's public key."""
    return wire.framed(wire.Kind.BATCH, seal(signed, site_key(config).public_key(), hub))


def opened(message: bytes, config: ReceiverConfig, hub: str) -> bytes:
    """The signed inside of a batch message: what leaks if the site's store does."""
    key = site_key(config)
    return open_sealed(message[1:], {site_key_id(key.public_key()): key}, hub)


def flipped(octets: bytes, at: int) -> bytes:
    """The same with one bit changed; ``at`` counts from the end if negative."""
    changed = bytearray(octets)
    changed[at] ^= 0x01
    return bytes(changed)


def entry(plan: SensorPlan) -> SensorEntry:
    """A simulated sensor as an installer adds it."""
    return SensorEntry(plan.address, plan.name, plan.room, plan.model, plan.liveness, ROLES[plan.behaviour])
