"""The medium: what is sent on the air, who hears it, how strongly, and what is lost.

Read this first, then ``controller.py`` (one end of a radio link) and ``beacons.py`` (who talks).
Bumble's own link reaches everybody, always, at -50 dBm; this one is a seeded radio.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from bumble import core, hci, ll
from bumble.link import LocalLink

if TYPE_CHECKING:
    from bumble.controller import Controller
    from bumble.snoop import Snooper

    from hil_tests.rig.controller import VirtualController
# Bumble warns of every packet for a peer that is gone; here that is an ordinary fault.
logging.getLogger("bumble").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Link:
    """How one transmitter reaches one listener.

    Attributes:
        loss: Part of the adverts that is lost, 0 to 1.
        signal_dbm: Mean received signal strength.
        sigma_db: Its standard deviation.
        cut: Nothing gets through, in either direction.
    """

    loss: float = 0.0
    signal_dbm: int = -60
    sigma_db: float = 0.0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Pdu(ll.AdvertisingPdu):
    """One advertising event on the air (Core 5.4, Vol 6, Part B, 2.3.1)."""

    address: hci.Address
    data: bytes
    scan_response: bytes = b""
    connectable: bool = False
    scannable: bool = False
    legacy: bool = True
    set_id: int = 0xFF  # 0xFF: no set id, as legacy PDUs have none
    target: hci.Address | None = None  # directed advertising: whom it is for


class Delivery(NamedTuple):
    """One advert that a listening host was given.

    Attributes:
        at: Wall time in seconds.
        address: The transmitter's, upper case with colons.
        data: Advertising data as sent.
        signal_dbm: Received signal strength.
        listener: Name of the controller that reported it.
    """

    at: float
    address: str
    data: bytes
    signal_dbm: int
    listener: str


@dataclass(slots=True)
class AirCounts:
    """What became of the adverts so far; one advert counts once for each listener."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    not_taken: int = 0  # reached the controller, but its host did not read or had filtered it


class Air(LocalLink):
    """A seeded radio medium between named transmitters and Bumble controllers.

    Every link draws from its own random stream, so one sensor more does not change what
    the others lose.
    """

    def __init__(self, seed: int, *, link: Link | None = None, wall: Callable[[], float] = time.time) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bumble leaves it untyped
        self.seed = seed
        self.counts = AirCounts()
        self.deaf: set[str] = set()  # listeners whose controller says that it scans and delivers nothing
        self.snoopers: dict[
            str, Snooper
        ] = {}  # by station: who is shown the packets of its controllers to come
        self.wall = wall
        self._default = link or Link()
        self._links: dict[tuple[str, str], Link] = {}
        self._streams: dict[tuple[str, str], random.Random] = {}
        self._observers: list[Callable[[Delivery], None]] = []
        self._expiries: dict[frozenset[str], list[asyncio.TimerHandle]] = {}

    def observe(self, callback: Callable[[Delivery], None]) -> None:
        """Call ``callback`` for each advert handed to a listening host, in order."""
        self._observers.append(callback)

    def arrange(self, one: str, other: str, link: Link) -> None:
        """Set how two named stations reach each other, both ways."""
        self._links[one, other] = self._links[other, one] = link

    def link_between(self, one: str, other: str) -> Link:
        """Tell how two named stations reach each other now."""
        return self._links.get((one, other), self._default)

    def stream(self, *name: str) -> random.Random:
        """Return the random stream of that name, derived from the seed and nothing else."""
        return random.Random(f"{self.seed}/{'/'.join(name)}")

    def cut(self, one: str, other: str) -> None:
        """Let nothing through between two stations; their connections die of supervision timeout."""
        self.arrange(one, other, dataclasses.replace(self.link_between(one, other), cut=True))
        by_name = {controller.name: controller for controller in self._virtual()}
        if one in by_name and other in by_name:
            self._expire_between(by_name[one], by_name[other])

    def heal(self, one: str, other: str) -> None:
        """Undo ``cut``; connections that outlived it stay."""
        self.arrange(one, other, dataclasses.replace(self.link_between(one, other), cut=False))
        for expiry in self._expiries.pop(frozenset((one, other)), ()):
            expiry.cancel()

    def broadcast(self, source: str, pdu: Pdu, sender: Controller | None = None) -> None:
        """Put one advertising event of the station ``source`` on the air, now."""
        self.counts.sent += 1
        for listener in self._virtual():
            if listener is not sender and listener.listening:
                self._propagate(source, pdu, listener)

    def say(self, source: str, address: str, data: bytes) -> None:
        """Have the station ``source`` send one advert in the name of ``address``, now."""
        self.broadcast(source, Pdu(hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS), data))

    def listens(self, station: str) -> bool:
        """Tell whether a controller of that name would hear an advert now."""
        return any(one.listening for one in self._virtual() if one.name == station)

    def reaches(self, sender: Controller, address: hci.Address) -> bool:
        """Tell whether data of a controller would get to the station of that address now."""
        return self._reachable(sender, address) is not None

    # What Bumble's controllers call.

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Carry an advert to who listens, a connection request to the one it is for."""
        if isinstance(packet, Pdu):
            self.broadcast(sender_controller.name, packet, sender_controller)
        elif isinstance(packet, ll.ConnectInd):
            loop = asyncio.get_running_loop()
            for controller in self.controllers - {sender_controller}:
                if not self.link_between(sender_controller.name, controller.name).cut:
                    loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data over a connection, under the address the connection was made with."""
        receiver = self._reachable(sender_controller, destination_address)
        if receiver is None:
            return
        connection = sender_controller.le_connections.get(destination_address)
        # Stock Bumble always names the random address; a host connected under its public one
        # (BlueZ does that) would never hear an answer.
        source = connection.self_address if connection else sender_controller.random_address
        asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, source, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Carry a link-layer control PDU; to nobody if the link is cut or the peer is gone."""
        sender = self.find_le_controller(sender_address)
        receiver = self._reachable(sender, receiver_address) if sender else None
        if receiver is not None:
            asyncio.get_running_loop().call_soon(receiver.on_ll_control_pdu, sender_address, packet)

    def remove_controller(self, controller: Controller) -> None:
        """Take a controller off the air; its peers notice by supervision timeout."""
        for peer in self._virtual():
            if peer is not controller:
                self._expire_one_side(peer, controller)
        super().remove_controller(controller)

    # How it is done.

    def _virtual(self) -> list[VirtualController]:
        # Sorted, so that two hubs hear in the same order on every run of one seed.
        return sorted(cast("set[VirtualController]", self.controllers), key=lambda one: one.name)

    def _propagate(self, source: str, pdu: Pdu, listener: VirtualController) -> None:
        link = self.link_between(source, listener.name)
        stream = self._stream_of(source, listener.name)
        if link.cut or (link.loss > 0 and stream.random() < link.loss):
            self.counts.lost += 1
            return
        drawn_dbm = stream.gauss(link.signal_dbm, link.sigma_db) if link.sigma_db else link.signal_dbm
        signal_dbm = max(-127, min(20, round(drawn_dbm)))  # what HCI can carry: Vol 4, Part E, 7.7.65.13
        if listener.name in self.deaf or not listener.hear(pdu, signal_dbm):
            self.counts.not_taken += 1
            return
        self.counts.delivered += 1
        delivery = Delivery(
            at=self.wall(),
            address=bytes(pdu.address)[::-1].hex(":").upper(),
            data=pdu.data,
            signal_dbm=signal_dbm,
            listener=listener.name,
        )
        for callback in self._observers:
            callback(delivery)

    def _stream_of(self, source: str, listener: str) -> random.Random:
        key = (source, listener)
        if key not in self._streams:
            self._streams[key] = self.stream(source, listener)
        return self._streams[key]

    def _reachable(self, sender: Controller, address: hci.Address) -> Controller | None:
        receiver = self.find_le_controller(address)
        if receiver is None or sender not in self.controllers:  # one of them has left the air
            return None
        return None if self.link_between(sender.name, receiver.name).cut else receiver

    def _expire_between(self, one: VirtualController, other: VirtualController) -> None:
        timers = self._expire_one_side(one, other) + self._expire_one_side(other, one)
        self._expiries.setdefault(frozenset((one.name, other.name)), []).extend(timers)

    def _expire_one_side(self, side: VirtualController, gone: Controller) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        return [
            loop.call_later(side.supervision_s(connection), side.expire, connection)
            for connection in side.le_connections.values()
            if self.find_le_controller(connection.peer_address) is gone
        ]
