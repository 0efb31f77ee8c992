"""One connection to a sensor, as far as it is not GATT: what Bumble's GATT client calls a bearer.

Without Bumble's ``Device`` around it, which would cost a hub 3 MB for what these lines do.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bumble.host import Host

ATT_MTU_MIN = 23  # Vol 3, Part G, 5.2.1; until both sides agree on more
ATT_CHANNEL, SIGNALLING_CHANNEL, SECURITY_CHANNEL = 4, 5, 6  # Vol 3, Part A, 2.1
PARAMETERS_ASKED, PARAMETERS_ANSWERED = 0x12, 0x13  # Vol 3, Part A, 4.20 and 4.21
PARAMETERS_REJECTED = 1
SECURITY_ASKED = 0x0B  # Vol 3, Part H, 3.6.7
PAIRING_NOT_SUPPORTED = bytes((0x05, 0x05))  # Vol 3, Part H, 3.5.5: Pairing Failed, for this reason


class HciConnection:
    """Carries ATT to the sensor and back, and answers for the rest of the host."""

    EVENT_DISCONNECTION = "disconnection"

    def __init__(self, host: Host, handle: int) -> None:
        self.handle = handle
        self.att_mtu = ATT_MTU_MIN
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.receive_att: Callable[[bytes], None] = _ignore
        self._host = host

    def receive(self, channel: int, pdu: bytes) -> None:
        """Take what the sensor sent on an L2CAP channel."""
        if channel == ATT_CHANNEL:
            self.receive_att(pdu)
        elif channel == SIGNALLING_CHANNEL and pdu[:1] == bytes((PARAMETERS_ASKED,)):
            # A visit is too short for the slow connection that a sensor would like.
            answer = struct.pack("<BBHH", PARAMETERS_ANSWERED, pdu[1], 2, PARAMETERS_REJECTED)
            self.send_l2cap_pdu(SIGNALLING_CHANNEL, answer)
        elif channel == SECURITY_CHANNEL and pdu[:1] == bytes((SECURITY_ASKED,)):
            self.send_l2cap_pdu(SECURITY_CHANNEL, PAIRING_NOT_SUPPORTED)

    # What Bumble's GATT client asks of its bearer.

    def on(self, _event: str, _listener: Callable[..., None]) -> None:
        """Drop the listener: it would cancel who waits for an answer, where we want an error."""

    def on_att_mtu_update(self, mtu: int) -> None:
        """Both sides agreed on how long a PDU may be."""
        self.att_mtu = mtu

    def send_l2cap_pdu(self, channel: int, pdu: bytes) -> None:
        """Send to the sensor.

        Raises:
            ConnectionError: The connection is over.
        """
        if self.over.done():
            raise ConnectionError("it hung up")
        self._host.send_l2cap_pdu(self.handle, channel, pdu)


def _ignore(_pdu: bytes) -> None:
    """Take what comes before anybody has asked for it."""
