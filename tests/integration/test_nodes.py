"""Sensor nodes that really run MicroPython: heard by the hub's radio, configured, cut off, and stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from bumble.att import ATT_Error
from bumble.core import UUID
from bumble.device import Peer

from device_profiles.outcome import Status
from hil_tests.ledger import Ledger
from hil_tests.rig.air import Air
from hil_tests.rig.errors import RigError
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.hub import Hub
from hil_tests.rig.nodes import Kind, Node
from tests.helpers.node_bench import NodeBench, installer, node_bench
from tests.helpers.site import eventually, living_home

KINDS: tuple[Kind, ...] = ("motion", "door", "button", "climate")
KEY = bytes(range(16))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[NodeBench]:
    """A bench for one test."""
    async with node_bench(tmp_path) as bench:
        yield bench


async def test_twenty_nodes_are_heard(bench: NodeBench) -> None:
    """Half of them encrypt; what the hub decodes is what each node says it sent, number by number."""
    for place in range(20):
        bench.node(KINDS[place % 4], key=KEY if place % 8 < 4 else None, period_s=2)
    await asyncio.gather(*(node.start() for node in bench.nodes))
    bench.nodes[0].act("move")
    bench.nodes[1].act("open")
    bench.nodes[2].act("press")
    await eventually(lambda: all(len(bench.outcomes(node)) >= 4 for node in bench.nodes), "four each")
    await asyncio.gather(*(node.stop() for node in bench.nodes))

    for node in bench.nodes:
        heard = bench.outcomes(node)
        sent = node.transmissions[: len(heard)]
        assert len(node.transmissions) - len(heard) <= 1, "at most one was about to be sent"
        assert [(one.repeat, one.readings) for one in heard] == [
            (one.number & 0xFF, one.readings) for one in sent
        ]
        assert [one.counter for one in heard] == [one.number if node.key else None for one in sent]
    assert not [one for one in bench.air.controllers if one.name != "hub"]


async def test_what_happens_is_told_at_once_and_repeated(bench: NodeBench) -> None:
    """Movement and its end, a door's two ways, a press: each once, and an event about ten times within 3 s."""
    motion, door, button = (bench.node(kind, window_s=0) for kind in KINDS[:3])
    await asyncio.gather(*(node.start() for node in bench.nodes))
    motion.act("move")
    door.act("open")
    button.act("press")
    await bench.events(door, "door", 2)
    door.act("close")

    assert await bench.events(motion, "motion", 3) == [False, True, False]
    assert await bench.events(door, "door", 3) == [False, True, False]
    assert await bench.events(button, "button", 1) == ["press"]
    pressed = next(one for one in button.transmissions if one.readings[0].kind == "button")
    copies = Counter(data for one in bench.heard for data in one.service_data.values())
    assert 8 <= copies[pressed.data[7:]] <= 11


async def test_power_cuts_do_not_turn_the_counter_back(bench: NodeBench) -> None:
    """After each cut and reset the numbers go on, and the evidence says that there was one."""
    node = bench.node("door", key=KEY)
    await node.start()
    for _ in range(3):
        before = node.last_number
        outage = await node.lose_power()
        assert outage.fired()
        assert outage.last_number == before
        await node.start()
        assert node.last_number > before
        assert (await node.reset()).fired()

    numbers = [one.number for one in node.transmissions]
    assert numbers == sorted(set(numbers))
    assert not (await _off(node)).fired()


async def _off(node: Node) -> Any:
    """Take the power of a node that has none."""
    await node.stop()
    return await node.lose_power()


async def test_a_lost_counter_is_evident(bench: NodeBench) -> None:
    """The numbers begin anew, and the hub's decoder sees them go back."""
    node = bench.node("door", key=KEY)
    await node.start()
    await node.reset()
    lost = await node.lose_counter()

    assert lost.fired()
    assert (lost.last_number, lost.first_number) == (256, 1)
    await eventually(lambda: len(bench.outcomes(node)) >= 3, "three are heard")
    assert [one.counter for one in bench.outcomes(node)][:3] == [1, 256, 1]


async def test_a_stuck_sensor_is_evident(bench: NodeBench) -> None:
    """What stays the same while the truth moves on counts as a fault only then."""
    truth = [(20.0, 50.0)]
    climate = bench.node("climate", period_s=1, climate=lambda: truth[-1])
    door = bench.node("door", period_s=1)
    await asyncio.gather(climate.start(), door.start())
    climate.stick()
    door.stick()
    assert not climate.free().fired()
    climate.stick()
    truth.append((25.0, 60.0))
    door.act("open")
    said = await bench.events(climate, "temperature", 3)
    stuck = climate.free(), door.free()

    assert said == [20.0] * len(said)
    assert all(one.fired() for one in stuck)
    assert (await bench.events(climate, "temperature", len(said) + 1))[-1] == 25.0
    assert (await bench.events(door, "door", 5))[-1] is True


async def test_a_node_sleeps_deeply_and_wakes(bench: NodeBench) -> None:
    """Its process is gone between frames; a pin or its period brings it back, and no number is lost."""
    node = bench.node("door", key=KEY, period_s=5, deep_sleep=True, window_s=0)
    await node.start()
    await eventually(lambda: node.pid is None, "it sleeps")
    node.act("open")
    assert await bench.events(node, "door", 2) == [False, True]
    await eventually(lambda: node.pid is None, "it sleeps again")
    assert await bench.events(node, "door", 3) == [False, True, True]
    await eventually(lambda: node.pid is None, "it sleeps once more")

    assert [one.number for one in node.transmissions] == [1, 2, 3]
    outage = await node.lose_power()
    assert outage.asleep
    assert outage.fired()
    await node.start()
    assert node.last_number == 256


async def test_a_press_that_wakes_a_node_is_told(bench: NodeBench) -> None:
    """The button may be up again before the chip has started."""
    node = bench.node("button", period_s=60, deep_sleep=True, window_s=0)
    await node.start()
    await eventually(lambda: node.pid is None, "it sleeps")
    node.act("press")

    assert await bench.events(node, "button", 1) == ["press"]


async def test_an_action_that_is_not_its_own(bench: NodeBench) -> None:
    """One sentence says which node cannot do what."""
    node = bench.node("door")

    with pytest.raises(RigError, match="door node door 1 cannot press"):
        node.act("press")


async def test_settings_that_cannot_be_used_are_told_on_the_console(bench: NodeBench, tmp_path: Path) -> None:
    """The node stays silent, and says why on its console."""
    node = bench.node("door")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "settings.json").write_text('{"fitted": ["nose"]}')
    starting = asyncio.create_task(node.start())
    await eventually(lambda: any("knows no nose" in line for line in node.console), "it complains")
    starting.cancel()
    await asyncio.wait([starting])

    assert node.transmissions == []
    assert not any("Traceback" in line for line in node.console)


# Configuration


def _characteristic(peer: Peer, number: int) -> Any:
    (found,) = peer.get_characteristics_by_uuid(UUID(f"6c756d{number:02d}-6e6f-6465-8000-000000000000"))
    return found


async def _written(peer: Peer, number: int, value: bytes) -> str:
    """Write, and read what the node says to it."""
    answer = _characteristic(peer, 4)
    before = await answer.read_value()
    await _characteristic(peer, number).write_value(value, with_response=True)
    async with asyncio.timeout(10):
        while (said := await answer.read_value()) == before:  # noqa: ASYNC110  # as a phone would ask again
            await asyncio.sleep(0.01)
    return bytes(said).decode()


async def test_an_installer_sets_name_period_and_key(bench: NodeBench) -> None:
    """Each write is answered in words; the key goes in over an encrypted link, once, and never out."""
    node = bench.node("door", period_s=60)
    await node.start()
    async with installer(bench, node) as peer:
        assert bytes(await _characteristic(peer, 1).read_value()) == b"door 1"
        assert await _written(peer, 1, b"Front door") == "ok: name"
        with pytest.raises(ATT_Error):
            await _characteristic(peer, 3).write_value(KEY, with_response=True)
        await peer.connection.pair()
        assert await _written(peer, 3, KEY) == "ok: key"
        assert (await _written(peer, 3, bytes(16))).startswith("refused: the key is set")
        with pytest.raises(ATT_Error):
            await _characteristic(peer, 3).read_value()
        assert await _written(peer, 2, b"\x01\x00") == "ok: period"
    node.key = KEY
    sent = node.last_number
    await eventually(lambda: [one for one in bench.outcomes(node) if (one.counter or 0) > sent], "encrypted")
    await node.lose_power()
    bench.heard.clear()
    await node.start()
    await eventually(lambda: any(one.counter == node.last_number for one in bench.outcomes(node)), "again")
    await eventually(lambda: any(one.local_name == "Lum Front door" for one in bench.heard), "its name")


async def test_who_lingers_is_hung_up_on(bench: NodeBench) -> None:
    """At the end of the window a connection ends, and the node speaks on."""
    node = bench.node("door", period_s=1, window_s=2)
    await node.start()
    async with installer(bench, node) as peer:
        ended: list[int] = []
        peer.connection.on("disconnection", ended.append)
        await eventually(lambda: bool(ended), "the node hangs up")
    sent = node.last_number
    await eventually(lambda: bench.outcomes(node)[-1].repeat == (sent + 2) & 0xFF, "it speaks on")


async def test_the_window_closes(bench: NodeBench) -> None:
    """After its time nobody can connect; a long press opens it again."""
    node = bench.node("door", period_s=1, window_s=1)
    await node.start()
    await eventually(lambda: bench.connectable(node) is False, "the window is closed")
    node.hold_boot(3.2)
    await eventually(lambda: bench.connectable(node) is True, "the window is open again")
    assert "window open" in node.console


@pytest.mark.long
async def test_the_longest_press_forgets_the_key_and_not_the_counter(bench: NodeBench) -> None:
    """Ten seconds: the node starts anew, unencrypted, and its numbers go on."""
    node = bench.node("door", key=KEY)
    await node.start()
    node.hold_boot(10.5)
    await eventually(lambda: node.last_number > 255, "it has started anew")
    node.key = None

    assert bench.outcomes(node)[-1].status is Status.DECODED
    assert "forgetting settings and key" in node.console


# The whole chain


async def test_a_node_that_lost_its_power_counts_on_in_the_cloud(tmp_path: Path) -> None:
    """Four nodes, the real hub and site: all that was delivered is stored once, before and after the cut."""
    ledger = Ledger({f"C0:00:00:00:02:{number:02X}" for number in range(4)})
    async with living_home(tmp_path) as living:
        air, socket = Air(1), tmp_path / "hci.sock"
        air.observe(ledger.deliver)
        nodes = [
            Node(
                air,
                kind,
                f"C0:00:00:00:02:{number:02X}",
                directory=tmp_path / kind,
                kind=kind,
                key=KEY,
                period_s=2,
                report=ledger.transmit,
            )
            for number, kind in enumerate(KINDS)
        ]
        hub = Hub(tmp_path / "hub", tmp_path / "hub.log", f"unix-client:{socket}")
        await hub.configure([node.entry for node in nodes], batch_age_max_s=2, commit_window_max_s=1)
        await hub.enrol(await living.site.voucher("home"))
        async with HciServer(air, socket):
            await hub.start()
            await eventually(lambda: any(one.name == "hub" for one in air.controllers), "the hub listens")
            await eventually(lambda: hub.status().get("uplink") == "online", "the hub is online")
            await _live(nodes)
            await eventually(hub.idle, "everything is handed over")
            await hub.stop()
        stored = await living.site.readings()
    balance = ledger.balance(stored, (), 1)

    assert balance.balanced, (balance.lost, balance.duplicated)
    assert {one["sensor"] for one in stored} == {node.address for node in nodes}
    assert not [one for one in stored if "counter-reset" in one["flags"]]
    opened = [one for one in stored if one["kind"] == "door" and one["value"] is True]
    assert len(opened) >= 2


async def _live(nodes: list[Node]) -> None:
    """A minute in the life of a home, made short; the door's node loses its power in the middle."""
    motion, door, button, _ = nodes
    await asyncio.gather(*(node.start() for node in nodes))
    motion.act("move")
    await _says(door, lambda: door.act("open"))
    outage = await door.lose_power()
    await _says(button, lambda: button.act("press"))
    await door.start()
    await _says(door, lambda: door.act("close"))
    await _says(door, lambda: door.act("open"))
    for node in nodes:
        await node.stop()

    assert outage.fired()
    numbers = [one.number for one in door.transmissions]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 255


async def _says(node: Node, act: Callable[[], None]) -> None:
    """Let something happen and wait until the node is done with telling it."""
    before = len(node.transmissions)
    act()
    await eventually(lambda: len(node.transmissions) > before + 1, f"{node.name} tells it, and its state")
