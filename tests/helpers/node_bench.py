"""A bench for MicroPython nodes: an air, the hub's radio on a socket, and somebody's phone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.outcome import Outcome
from edge_agent.adapters.radio import Radio
from hil_tests.rig.air import Air
from hil_tests.rig.controller import VirtualController
from hil_tests.rig.hci_server import HciServer
from hil_tests.rig.nodes import Kind, Node
from tests.helpers.site import eventually

CATALOGUE = Catalogue.load()


class NodeBench:
    """An air with nodes and a hub's radio that keeps what it hears."""

    def __init__(self, directory: Path) -> None:
        self.air = Air(1)
        self.directory = directory
        self.heard: list[Advert] = []
        self.nodes: list[Node] = []

    def node(self, kind: Kind, **facts: Any) -> Node:
        """One more node."""
        number = len(self.nodes) + 1
        address = f"C0:00:00:00:01:{number:02X}"
        node = Node(
            self.air, f"{kind} {number}", address, directory=self.directory / f"{number}", kind=kind, **facts
        )
        self.nodes.append(node)
        return node

    def outcomes(self, node: Node) -> list[Outcome]:
        """What the hub makes of what it heard of a node, copies left out."""
        adverts = [one for one in self.heard if one.address == node.address and one.service_data]
        decoded = [CATALOGUE.decode(one, node.key) for one in adverts]
        return [
            one for place, one in enumerate(decoded) if not place or one.repeat != decoded[place - 1].repeat
        ]

    async def events(self, node: Node, kind: str, count: int) -> list[Any]:
        """Wait until so many values of a kind were heard; returns all."""

        def values() -> list[Any]:
            said = [one for outcome in self.outcomes(node) for one in outcome.readings]
            return [one.plain for one in said if one.kind == kind]

        await eventually(lambda: len(values()) >= count, f"{count} times {kind}")
        return values()

    def connectable(self, node: Node) -> bool | None:
        """Whether a node advertises connectably now; ``None`` while it is silent."""
        for controller in self.air.controllers:
            if controller.name != node.address:
                continue
            for one in controller.advertising_sets.values():
                if one.enabled and one.parameters is not None:
                    return bool(one.parameters.advertising_event_properties & 1)
        return None


@contextlib.asynccontextmanager
async def node_bench(directory: Path) -> AsyncIterator[NodeBench]:
    """A bench whose radio listens; all nodes are stopped afterwards."""
    bench = NodeBench(directory)
    socket = directory / "hci.sock"
    async with HciServer(bench.air, socket):
        radio = Radio(bench.heard.append, boot_ms=lambda: 0, transport=f"unix-client:{socket}")
        run = asyncio.create_task(radio.run())
        await eventually(lambda: any(one.le_scan_enable for one in bench.air.controllers), "a radio listens")
        try:
            yield bench
        finally:
            for node in bench.nodes:
                await node.stop()
            run.cancel()
            await asyncio.wait([run])


@contextlib.asynccontextmanager
async def installer(bench: NodeBench, node: Node) -> AsyncIterator[Peer]:
    """Somebody's phone, connected to a node, its services known."""
    controller = VirtualController("phone", bench.air)
    address = hci.Address("C1:00:00:00:00:01")
    host = Host(controller, AsyncPipeSink(controller))
    phone = Device(config=DeviceConfiguration(name="phone", address=address), host=host)
    await phone.power_on()
    try:
        async with asyncio.timeout(10):
            connection = await phone.connect(hci.Address(node.address))
        peer = Peer(connection)
        await peer.request_mtu(247)  # as phones do: an answer is then read whole, never half old and half new
        await peer.discover_all()  # type: ignore[no-untyped-call]  # Bumble leaves it untyped
        yield peer
        if connection.handle in phone.connections:
            await connection.disconnect()
    finally:
        controller.stop()
        bench.air.remove_controller(controller)
