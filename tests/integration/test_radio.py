"""The hub's radio over a real socket to the virtual air."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble import hci

from device_profiles.advert import Advert
from edge_agent.adapters import hci_link
from edge_agent.adapters.radio import Radio
from edge_agent.errors import ConfigError, RadioError, RadioTrouble
from hil_tests.rig.air import Air, Delivery, Pdu
from hil_tests.rig.beacons import SimulatedHome, Transmission
from hil_tests.rig.hci_server import UNREAD_MAX_BYTES, HciServer
from hil_tests.scenario import load_scenario

DEMO = Path(__file__).parents[2] / "hil_tests" / "scenarios" / "demo.toml"
BEACON = "C0:00:00:00:00:01"
DATA = bytes.fromhex("0416d2fc40")
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"


class _Bench:
    """An air, its socket, and a hub's radio that keeps what it hears."""

    def __init__(self, path: Path) -> None:
        self.air = Air(1)
        self.path = path
        self.server = HciServer(self.air, path)
        self.heard: asyncio.Queue[Advert] = asyncio.Queue()
        self.delivered: list[Delivery] = []
        self.air.observe(self.delivered.append)

    def radio(self, hear: Callable[[Advert], None] | None = None, *, active: bool = True) -> Radio:
        """Make a radio on this bench's socket."""
        return Radio(
            hear or self.heard.put_nowait,
            boot_ms=lambda: 4711,
            transport=f"unix-client:{self.path}",
            active=active,
        )

    def send(self, data: bytes = DATA) -> None:
        """Put one advert of the beacon on the air."""
        self.air.broadcast(BEACON, Pdu(hci.Address(BEACON), data))

    async def listening(self) -> None:
        """Wait until a hub scans; within the test's patience."""
        await _until(lambda: any(station.le_scan_enable for station in self.air.controllers))

    @asynccontextmanager
    async def hub(self, *, active: bool = True) -> AsyncIterator[asyncio.Task[None]]:
        """Run a hub's radio, listening."""
        run = asyncio.create_task(self.radio(active=active).run())
        await self.listening()
        try:
            yield run
        finally:
            run.cancel()
            await asyncio.wait([run])
            await _until(lambda: not self.air.controllers)

    async def ended(self, run: asyncio.Task[None]) -> Exception:
        """Wait for a radio to end by itself, and return why."""
        async with asyncio.timeout(10):
            await asyncio.wait([run])
        error = run.exception()
        assert isinstance(error, Exception)
        return error


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the rig has no event for it, and needs none
            await asyncio.sleep(0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[_Bench]:
    """Open a bench for one test."""
    bench = _Bench(tmp_path / "hci.sock")
    async with bench.server:
        yield bench


async def test_an_advert_arrives_as_it_was_sent(bench: _Bench) -> None:
    """Address, service data, signal and the hub's own time stamp are in place."""
    async with bench.hub(), asyncio.timeout(10):
        bench.send()
        advert = await bench.heard.get()
    assert advert == Advert(BEACON, None, (), {BTHOME: b"\x40"}, {}, -60, 4711)


@pytest.mark.parametrize("active", [True, False])
async def test_only_an_active_radio_asks_for_more(bench: _Bench, active: bool) -> None:
    """What is in the scan response alone is heard by an active radio; a passive one asks nobody."""
    name = bytes.fromhex("04094c756d")
    async with bench.hub(active=active), asyncio.timeout(10):
        bench.air.broadcast(BEACON, Pdu(hci.Address(BEACON), DATA, scan_response=name, scannable=True))
        bench.send()
        heard = [await bench.heard.get() for _ in range(3 if active else 2)]
    assert bench.heard.empty()
    assert [advert.local_name for advert in heard] == ([None, "Lum", "Lum"] if active else [None, None])


async def test_all_deliveries_of_the_demo_are_heard(bench: _Bench) -> None:
    """What the medium delivered, neighbours' adverts too, is what the hub heard, in the same order."""
    sent: list[Transmission] = []
    demo = load_scenario(DEMO)
    async with bench.hub(), asyncio.timeout(30):
        home = SimulatedHome(bench.air, demo, sent.append)
        home.start()
        home.do("front-door", "open")
        home.do("help-button", "press")
        heard = [await bench.heard.get() for _ in range(20)]
        home.stop()
        while len(heard) < len(bench.delivered):
            heard.append(await bench.heard.get())
    ours = {sensor.address for sensor in demo.sensors}
    assert [one.address for one in heard] == [one.address for one in bench.delivered]
    assert [one.signal_dbm for one in heard] == [one.signal_dbm for one in bench.delivered]
    assert {one.address for one in heard} - ours, "neighbours are heard, too"
    assert {one.sensor for one in sent} <= {one.address for one in heard}


async def test_a_burst_of_adverts_is_heard_whole(bench: _Bench) -> None:
    """Two thousand adverts at once lose none on the way to the hub."""
    async with bench.hub(), asyncio.timeout(30):
        for number in range(2000):
            bench.send(bytes((5, 0xFF, 0x4C, 0, *number.to_bytes(2, "little"))))
        heard = [await bench.heard.get() for _ in range(2000)]
    numbers = [int.from_bytes(one.manufacturer_data[0x4C], "little") for one in heard]
    assert numbers == list(range(2000))


async def test_a_pulled_dongle_ends_the_radio(bench: _Bench) -> None:
    """When the transport ends mid-scan, run() says so in one sentence, with what to do."""
    async with bench.hub() as run:
        bench.server.unplug()
        error = await bench.ended(run)
    assert isinstance(error, RadioError)
    assert error.reason is RadioTrouble.LOST
    assert "went away" in str(error)
    assert error.hint


async def test_a_hub_attaches_again_and_again(bench: _Bench) -> None:
    """Each connection gets a fresh controller, and the one before is gone from the air."""
    for count in (1, 2, 3):
        async with bench.hub(), asyncio.timeout(10):
            bench.send()
            await bench.heard.get()
            assert bench.server.attached == count
            assert len(bench.air.controllers) == 1


async def test_a_killed_hub_leaves_the_air(bench: _Bench) -> None:
    """A connection that ends without a word takes its controller with it."""
    _, writer = await asyncio.open_unix_connection(bench.path)
    writer.transport.abort()
    await _until(lambda: bench.server.attached == 1 and not bench.air.controllers)


async def test_the_socket_is_for_its_owner_alone(bench: _Bench) -> None:
    """Nobody else on the machine may drive the radio."""
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600


async def test_a_frozen_host_is_claimed_nothing(bench: _Bench) -> None:
    """A hub that stops reading fills a bounded buffer; what it cannot have got is not called delivered."""
    reader, writer = await asyncio.open_unix_connection(bench.path, limit=1)
    await _until(lambda: bool(bench.air.controllers))
    (controller,) = bench.air.controllers
    controller.le_scan_enable = True
    for _ in range(40):
        for _ in range(1000):
            bench.send(bytes(31))
        await asyncio.sleep(0)
    assert bench.air.counts.not_taken > 0
    assert len(bench.delivered) == bench.air.counts.delivered
    # Socket buffers and one round of 1000 come on top of the bound itself.
    assert bench.air.counts.delivered * 57 < UNREAD_MAX_BYTES + 1_000_000
    writer.close()
    assert not reader.at_eof()


async def test_cancelling_lets_go_of_the_radio(bench: _Bench) -> None:
    """A cancelled run() ends as cancelled and frees the transport, also in the middle of its start."""
    for steps in range(0, 60, 3):
        run = asyncio.create_task(bench.radio().run())
        for _ in range(steps):
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.wait([run], timeout=10)
        assert run.cancelled()
        await _until(lambda: not bench.air.controllers)


async def test_a_fault_in_the_listener_is_not_swallowed(bench: _Bench) -> None:
    """If handing over fails, run() ends with that very error instead of going deaf."""

    def refuse(_advert: Advert) -> None:
        raise LookupError("no place")

    run = asyncio.create_task(bench.radio(refuse).run())
    await bench.listening()
    bench.send()
    assert isinstance(await bench.ended(run), LookupError)


async def test_no_socket_is_no_radio(tmp_path: Path) -> None:
    """A transport that is not there, or that refuses, is ABSENT, in one sentence."""
    stale = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(stale))
    for spec in (f"unix-client:{tmp_path}/absent.sock", f"unix-client:{stale}", "tcp-client:127.0.0.1:1"):
        with pytest.raises(RadioError, match="cannot be opened") as refusal:
            await Radio(print, boot_ms=lambda: 0, transport=spec).run()
        assert refusal.value.reason is RadioTrouble.ABSENT
        assert refusal.value.hint


@pytest.mark.parametrize("spec", ["carrier-pigeon:3", "tcp-client:nowhere", "unix-client:"])
async def test_an_unknown_transport_is_a_fault_of_the_configuration(spec: str) -> None:
    """What can never work is a configuration error, so that a person mends it."""
    with pytest.raises(ConfigError, match="radio transport") as refusal:
        await Radio(print, boot_ms=lambda: 0, transport=spec).run()
    assert "unix-client:/PATH" in refusal.value.hint


async def test_a_silent_controller_is_no_radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port behind which nobody answers HCI is given up in time."""
    monkeypatch.setattr(hci_link, "START_TIMEOUT_S", 0.1)
    path = tmp_path / "mute.sock"
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    async with await asyncio.start_unix_server(listen, path):
        with pytest.raises(RadioError, match="No Bluetooth controller answers") as refusal:
            await Radio(print, boot_ms=lambda: 0, transport=f"unix-client:{path}").run()
        await left.wait()
    assert refusal.value.reason is RadioTrouble.ABSENT


async def test_a_controller_that_hangs_up_at_once_is_no_radio(tmp_path: Path) -> None:
    """A transport that ends during the start is an error at once, not after a time-out."""
    path = tmp_path / "rude.sock"
    began_s = time.monotonic()
    async with await asyncio.start_unix_server(lambda _reader, writer: writer.close(), path):
        with pytest.raises(RadioError, match="went away") as refusal:
            await Radio(print, boot_ms=lambda: 0, transport=f"unix-client:{path}").run()
    assert refusal.value.reason is RadioTrouble.LOST
    assert time.monotonic() - began_s < 5


async def test_no_d_bus_is_no_bluetooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a transport the radio is BlueZ's; without D-Bus that is one sentence, not a traceback."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with pytest.raises(RadioError, match="there is no D-Bus on this system") as refusal:
        await Radio(print, boot_ms=lambda: 0).run()
    assert refusal.value.reason is RadioTrouble.ABSENT
    assert "bluetooth service" in refusal.value.hint


async def test_repeats_are_not_filtered(bench: _Bench) -> None:
    """The same advert ten times is heard ten times: silence must be told from sameness."""
    async with bench.hub(), asyncio.timeout(10):
        for _ in range(10):
            bench.send()
        heard = Counter([(await bench.heard.get()).address for _ in range(10)])
    assert heard == {BEACON: 10}
