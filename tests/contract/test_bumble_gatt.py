"""Pins what the hub's client works around in Bumble's GATT client, and that the pinned Bumble needs it.

A test called ``test_stock_...`` that fails says: Bumble has mended it, delete our way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest
from bumble import core, gatt_client
from bumble.host import Host

from edge_agent.adapters.hci_connection import HciConnection

if TYPE_CHECKING:
    from bumble import att


class _Bearer:
    """A connection as Bumble's GATT client wants it, to nobody."""

    EVENT_DISCONNECTION = "disconnection"
    handle = 1
    att_mtu = 23

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[..., None]] = {}
        self.sent: list[bytes] = []

    def on(self, event: str, listener: Callable[..., None]) -> None:
        """Keep a listener."""
        self.listeners[event] = listener

    def send_l2cap_pdu(self, _channel: int, pdu: bytes) -> None:
        """Keep a PDU."""
        self.sent.append(pdu)


async def test_stock_gatt_client_cancels_who_waits_when_the_connection_ends() -> None:
    """So a hang-up could not be told from being cancelled; our connection drops the listener."""
    bearer = _Bearer()
    asking = asyncio.create_task(gatt_client.Client(cast("att.Bearer", bearer)).read_value(3))
    await asyncio.sleep(0)
    assert bearer.sent == [bytes.fromhex("0a0300")]
    bearer.listeners["disconnection"](0)
    await asyncio.wait([asking])
    assert asking.cancelled()


async def test_a_hang_up_is_an_error_to_who_waits() -> None:
    """Our connection fails what is sent after its end, and Bumble's client hands that on."""
    connection = HciConnection(Host(), 1)
    connection.over.set_result(None)
    with pytest.raises(ConnectionError, match="hung up"):
        await gatt_client.Client(cast("att.Bearer", connection)).read_value(3)


def test_stock_keeps_every_uuid_it_meets() -> None:
    """Which is why our client forgets those of each visit."""
    known = len(core.UUID.UUIDS)
    core.UUID.from_bytes(bytes(range(100, 116)))
    assert len(core.UUID.UUIDS) == known + 1
    del core.UUID.UUIDS[known:]
