"""A Bluetooth controller as hosts expect one: Bumble's, with its advertising and scanning corrected.

Each correction has a contract test in ``tests/contract/test_bumble.py`` that also shows that the
pinned Bumble still needs it. Clause numbers are those of the Core Specification 5.4.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bumble import hci
from bumble.controller import AdvertisingSet, Connection, Controller, LegacyAdvertiser
from bumble.snoop import Snooper

from hil_tests.rig.air import Air, Pdu
from hil_tests.rig.capture import CapturedSink

if TYPE_CHECKING:
    from bumble import ll
    from bumble.transport.common import TransportSink

ADVERTISING_UNIT_S = 0.000625  # Vol 4, Part E, 7.8.5: Time = N * 0.625 ms
ADVERTISING_DELAY_MAX_S = 0.010  # Vol 6, Part B, 4.4.2.2.1: advDelay, 0 to 10 ms
SUPERVISION_UNIT_S = 0.010  # Vol 4, Part E, 7.8.12
CONNECTION_UNIT_S = 0.00125  # as above
ESTABLISHING_INTERVALS = 6  # Vol 6, Part B, 4.5.2: a peer silent for so long has not taken the request
DUPLICATES_MAX = 256  # a real controller's table is small, too

_EXTENDED_REPORT = struct.Struct("<BBBBB HB6s BBBbb H B6s B")
_LEGACY_REPORT = struct.Struct("<BBBBB BB6s B")


class VirtualController(Controller):
    """One radio on the ``Air``, driven over HCI by a host such as the hub."""

    supported_commands = Controller.supported_commands | {hci.HCI_LE_EXTENDED_CREATE_CONNECTION_COMMAND}
    link: Air

    def __init__(
        self,
        name: str,
        air: Air,
        *,
        host_source: Any = None,
        host_sink: TransportSink | None = None,
        public_address: str | None = None,
        congested: Callable[[], bool] = lambda: False,
    ) -> None:
        """Join the air.

        Args:
            name: The station's name on the air.
            air: The medium.
            host_source: Where the host's packets come from.
            host_sink: Where packets for the host go.
            public_address: Public device address, if it has one.
            congested: Tells that the host does not read; adverts are then dropped, as a
                controller with full buffers does.
        """
        self._snooper = air.snoopers.get(name)
        super().__init__(name, host_source, host_sink, air, public_address)
        self.le_legacy_advertiser = _Advertiser(self)
        self._congested = congested
        self._reported: set[tuple[bytes, bytes]] = set()
        self._supervision_s: dict[hci.Address, float] = {}
        self._stream = air.stream(name, "controller")

    def on_packet(self, packet: bytes) -> None:
        """Take one packet of the host's."""
        if self._snooper is not None:
            self._snooper.snoop(packet, Snooper.Direction.HOST_TO_CONTROLLER)
        super().on_packet(packet)

    def set_packet_sink(self, sink: TransportSink | None) -> None:
        """Send to this host from now on."""
        captured = sink if sink is None or self._snooper is None else CapturedSink(sink, self._snooper)
        super().set_packet_sink(captured)

    @property
    def listening(self) -> bool:
        """Scanning, or waiting for somebody to connect to."""
        return self.le_scan_enable or self.pending_le_connection is not None

    def hear(self, pdu: Pdu, signal_dbm: int) -> bool:
        """Take one advert off the air; tell whether the host was given it."""
        if pdu.target is not None and pdu.target not in (self.random_address, self.public_address):
            return False
        given = self.le_scan_enable and self._report_advert(pdu, signal_dbm)
        wanted = self.pending_le_connection
        if wanted is not None and pdu.connectable and wanted.peer_address == pdu.address:
            self.create_le_connection(pdu.address)
        return given

    def advertising_pause_s(self, interval: int) -> float:
        """Turn an interval in units of 0.625 ms into the pause to the next event, with advDelay."""
        return interval * ADVERTISING_UNIT_S + self._stream.random() * ADVERTISING_DELAY_MAX_S

    def supervision_s(self, connection: Connection) -> float:
        """Tell after how long of silence a connection is given up, in seconds."""
        return self._supervision_s[connection.peer_address]

    def expire(
        self, connection: Connection, reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
    ) -> None:
        """Give up a connection whose peer has been silent for the supervision timeout."""
        if self.le_connections.get(connection.peer_address) is connection:
            self.on_le_disconnected(connection, reason)

    def stop(self) -> None:
        """Cease advertising, scanning and connecting."""
        self.le_legacy_advertiser.stop()
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self._reported.clear()

    # Connections.

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """Connect, with the supervision timeout that the host asked for; see whether the peer takes it."""
        wanted = self.pending_le_connection
        if isinstance(wanted, hci.HCI_LE_Extended_Create_Connection_Command):
            interval, timeout = wanted.connection_interval_mins[0], wanted.supervision_timeouts[0]
        elif wanted is not None:
            interval, timeout = wanted.connection_interval_min, wanted.supervision_timeout
        else:
            return
        self._supervision_s[peer_address] = timeout * SUPERVISION_UNIT_S
        super().create_le_connection(peer_address)
        connection = self.le_connections[peer_address]
        # The peer gets the request by call_soon, too, and before this.
        establishing_s = ESTABLISHING_INTERVALS * interval * CONNECTION_UNIT_S
        asyncio.get_running_loop().call_soon(self._see_established, connection, establishing_s)

    def _see_established(self, connection: Connection, establishing_s: float) -> None:
        peer = self.link.find_le_controller(connection.peer_address)
        if peer is None or connection.self_address not in peer.le_connections:
            reason = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
            asyncio.get_running_loop().call_later(establishing_s, self.expire, connection, reason)

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        """Be connected to, if the request is for this station and it advertises."""
        self._supervision_s[packet.initiator_address] = packet.timeout * SUPERVISION_UNIT_S
        super().on_le_connect_ind(packet)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Cancel, and complete the pending connection with an error (Vol 4, Part E, 7.8.13)."""
        wanted, self.pending_le_connection = self.pending_le_connection, None
        if wanted is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        completion = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=wanted.peer_address.address_type,
            peer_address=wanted.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        # After this command's own completion.
        asyncio.get_running_loop().call_soon(self.send_hci_packet, completion)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    # Scanning.

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Start or stop scanning, with an empty table of duplicates."""
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_set_extended_scan_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Start or stop scanning, with an empty table of duplicates."""
        self._reported.clear()
        return super().on_hci_le_set_extended_scan_enable_command(command)

    def on_hci_le_set_extended_scan_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Take the parameters, active or passive among them (stock Bumble forgets that one)."""
        self.le_scan_type = command.scan_types[0]
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def _report_advert(self, pdu: Pdu, signal_dbm: int) -> bool:
        given = self._report(pdu, signal_dbm, pdu.data, response=False)
        active = self.le_scan_type == hci.HCI_LE_Set_Scan_Parameters_Command.ACTIVE_SCANNING
        if active and pdu.scannable:
            self._report(pdu, signal_dbm, pdu.scan_response, response=True)
        return given

    def _report(self, pdu: Pdu, signal_dbm: int, data: bytes, *, response: bool) -> bool:
        if self.host is None or self._congested() or self._is_duplicate(pdu, data, response=response):
            return False
        extended = bool(self.le_features & hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
        pack = _extended_report if extended else _legacy_report
        # call_soon keeps reports behind the command answers that Bumble queues the same way.
        packet = pack(pdu, signal_dbm, data, response=response)
        asyncio.get_running_loop().call_soon(self.host.on_packet, packet)
        return True

    def _is_duplicate(self, pdu: Pdu, data: bytes, *, response: bool) -> bool:
        if not self.filter_duplicates:
            return False
        key = (bytes(pdu.address), bytes([response]) + data)
        if key in self._reported:
            return True
        if len(self._reported) >= DUPLICATES_MAX:
            self._reported.clear()
        self._reported.add(key)
        return False

    # Advertising.

    def on_hci_le_set_extended_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
    ) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters:
        """Set up one of our advertising sets in place of Bumble's."""
        self._advertising_set(command.advertising_handle)
        return super().on_hci_le_set_extended_advertising_parameters_command(command)

    def on_hci_le_set_advertising_set_random_address_command(
        self, command: hci.HCI_LE_Set_Advertising_Set_Random_Address_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Set up one of our advertising sets in place of Bumble's."""
        self._advertising_set(command.advertising_handle)
        return super().on_hci_le_set_advertising_set_random_address_command(command)

    def _advertising_set(self, handle: int) -> None:
        if handle not in self.advertising_sets:
            self.advertising_sets[handle] = _ExtendedAdvertiser(self, handle)

    # The rest.

    def on_hci_reset_command(self, _command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Return to standby (Vol 4, Part E, 7.3.2); stock Bumble goes on scanning."""
        self.stop()
        self.advertising_sets.clear()
        return super().on_hci_reset_command(_command)

    def on_hci_le_rand_command(self, _command: hci.HCI_LE_Rand_Command) -> hci.HCI_LE_Rand_ReturnParameters:
        """Draw from this controller's own stream, so that a seed repeats a run."""
        drawn = self._stream.getrandbits(64).to_bytes(8, "little")
        return hci.HCI_LE_Rand_ReturnParameters(status=hci.HCI_ErrorCode.SUCCESS, random_number=drawn)


class _Advertiser(LegacyAdvertiser):
    """Legacy advertising of all types, on time."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        pause_s = self._virtual.advertising_pause_s(self.advertising_interval_min)
        self.timer_handle = asyncio.get_running_loop().call_later(pause_s, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        if not self.enabled:
            return
        types = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
        directed = self.advertising_type in (types.ADV_DIRECT_IND, types.ADV_DIRECT_IND_LOW_DUTY)
        pdu = Pdu(
            address=self.address,
            data=b"" if directed else self.advertising_data,
            scan_response=self.scan_response_data,
            connectable=directed or self.advertising_type == types.ADV_IND,
            scannable=self.advertising_type in (types.ADV_IND, types.ADV_SCAN_IND),
            target=self.peer_address if directed else None,
        )
        self._virtual.send_advertising_pdu(pdu)

    @property
    def _virtual(self) -> VirtualController:
        assert isinstance(self.controller, VirtualController)  # noqa: S101  # ours made this object
        return self.controller


class _ExtendedAdvertiser(AdvertisingSet):
    """An advertising set that says what it is: connectable or not, scannable or not, legacy or not."""

    def _on_extended_advertising_timer_fired(self) -> None:
        if not self.enabled:
            return
        self.send_extended_advertising_data()
        interval = self.parameters.primary_advertising_interval_min if self.parameters else 0x20
        assert isinstance(self.controller, VirtualController)  # noqa: S101  # ours made this object
        pause_s = self.controller.advertising_pause_s(interval)
        loop = asyncio.get_running_loop()
        self.timer_handle = loop.call_later(pause_s, self._on_extended_advertising_timer_fired)

    def send_extended_advertising_data(self) -> None:
        if self.parameters is None or self.address is None:
            return
        flags = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command.AdvertisingProperties
        properties = self.parameters.advertising_event_properties
        legacy = bool(properties & flags.USE_LEGACY_ADVERTISING_PDUS)
        pdu = Pdu(
            address=self.address,
            data=bytes(self.data),
            scan_response=bytes(self.scan_response_data),
            connectable=bool(properties & flags.CONNECTABLE_ADVERTISING),
            scannable=bool(properties & flags.SCANNABLE_ADVERTISING),
            legacy=legacy,
            set_id=0xFF if legacy else self.parameters.advertising_sid,
            target=self.parameters.peer_address if properties & flags.DIRECTED_ADVERTISING else None,
        )
        self.controller.send_advertising_pdu(pdu)


def _extended_report(pdu: Pdu, signal_dbm: int, data: bytes, *, response: bool) -> bytes:
    """Pack an LE Extended Advertising Report event (Vol 4, Part E, 7.7.65.13).

    By hand: Bumble's packet objects cost more than the rest of a beacon together.
    """
    flags = hci.HCI_LE_Extended_Advertising_Report_Event.EventType
    event_type = (
        pdu.connectable * flags.CONNECTABLE_ADVERTISING
        | pdu.scannable * flags.SCANNABLE_ADVERTISING
        | (pdu.target is not None) * flags.DIRECTED_ADVERTISING
        | response * flags.SCAN_RESPONSE
        | pdu.legacy * flags.LEGACY_ADVERTISING_PDU_USED
    )
    return (
        _EXTENDED_REPORT.pack(
            hci.HCI_EVENT_PACKET,
            hci.HCI_LE_META_EVENT,
            _EXTENDED_REPORT.size - 3 + len(data),
            hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT,
            1,  # reports
            int(event_type),
            pdu.address.address_type,
            bytes(pdu.address),
            hci.Phy.LE_1M,
            0 if pdu.legacy else hci.Phy.LE_1M,
            pdu.set_id,
            127,  # transmit power not known
            signal_dbm,
            0,  # no periodic advertising
            0,
            bytes(6),  # direct address
            len(data),
        )
        + data
    )


def _legacy_report(pdu: Pdu, signal_dbm: int, data: bytes, *, response: bool) -> bytes:
    """Pack an LE Advertising Report event (Vol 4, Part E, 7.7.65.2)."""
    types = hci.HCI_LE_Advertising_Report_Event.EventType
    advert_type = (
        types.ADV_DIRECT_IND
        if pdu.target is not None
        else types.ADV_IND
        if pdu.connectable
        else types.ADV_SCAN_IND
        if pdu.scannable
        else types.ADV_NONCONN_IND
    )
    return (
        _LEGACY_REPORT.pack(
            hci.HCI_EVENT_PACKET,
            hci.HCI_LE_META_EVENT,
            _LEGACY_REPORT.size - 3 + len(data) + 1,
            hci.HCI_LE_ADVERTISING_REPORT_EVENT,
            1,
            types.SCAN_RSP if response else advert_type,
            pdu.address.address_type,
            bytes(pdu.address),
            len(data),
        )
        + data
        + struct.pack("b", signal_dbm)
    )
