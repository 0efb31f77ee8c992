"""Controllers under the tests' command: hosts that only collect what they are told."""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

from bumble import hci
from bumble.controller import Controller
from bumble.link import LocalLink

from hil_tests.rig.air import Air
from hil_tests.rig.controller import VirtualController

AdvertReport: TypeAlias = hci.HCI_LE_Extended_Advertising_Report_Event.Report

ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND = 0, 2, 3  # Core 5.4, Vol 4, Part E, 7.8.5
ATT_CHANNEL = 4
CENTRAL = "C0:00:00:00:00:0C"
PERIPHERAL = "C0:00:00:00:00:0D"
PUBLIC = "00:11:22:33:44:55/P"


class CollectingHost:
    """Takes a controller's packets and keeps them, parsed by Bumble."""

    def __init__(self) -> None:
        self.packets: list[hci.HCI_Packet] = []

    def on_packet(self, packet: bytes) -> None:
        """Keep one packet."""
        self.packets.append(hci.HCI_Packet.from_bytes(packet))

    def events(self, kind: type[Any]) -> list[Any]:
        """Return the events of one class, in order."""
        return [packet for packet in self.packets if isinstance(packet, kind)]

    @property
    def adverts(self) -> list[AdvertReport]:
        """Extended advertising reports, in order."""
        events = self.events(hci.HCI_LE_Extended_Advertising_Report_Event)
        return [report for event in events for report in event.reports]

    @property
    def results(self) -> list[Any]:
        """Return parameters of the commands answered so far."""
        return [event.return_parameters for event in self.events(hci.HCI_Command_Complete_Event)]


class Station:
    """A controller, ours or stock, and its collecting host."""

    def __init__(self, name: str, medium: LocalLink, address: str, public: str | None = None) -> None:
        """Join the medium: our controller on ``Air``, Bumble's own on Bumble's link."""
        self.host = CollectingHost()
        self.controller: Controller
        if isinstance(medium, Air):
            self.controller = VirtualController(name, medium, host_sink=self.host, public_address=public)
        else:
            bd_addr = hci.Address(public) if public else None
            self.controller = Controller(name, host_sink=self.host, link=medium, public_address=bd_addr)
        self.controller.random_address = hci.Address(address)

    @property
    def heard(self) -> list[bytes]:
        """What came over connections, without L2CAP headers."""
        return [packet.data[4:] for packet in self.host.events(hci.HCI_AclDataPacket)]

    @property
    def virtual(self) -> VirtualController:
        """The controller, known to be ours."""
        assert isinstance(self.controller, VirtualController)
        return self.controller

    def command(self, *packets: hci.HCI_Packet) -> None:
        """Send packets to the controller, commands mostly."""
        for packet in packets:
            self.controller.on_hci_packet(packet)

    def scan(self, *, active: bool = False, filter_duplicates: bool = False) -> None:
        """Scan with extended commands, as hosts of today do."""
        self.command(
            hci.HCI_LE_Set_Extended_Scan_Parameters_Command(
                own_address_type=1,
                scanning_filter_policy=0,
                scanning_phys=1,
                scan_types=[int(active)],
                scan_intervals=[96],
                scan_windows=[96],
            ),
            hci.HCI_LE_Set_Extended_Scan_Enable_Command(
                enable=1, filter_duplicates=int(filter_duplicates), duration=0, period=0
            ),
        )

    def advertise(self, kind: int, data: bytes, response: bytes = b"", *, interval: int = 160) -> None:
        """Advertise with legacy commands; ``interval`` in units of 0.625 ms."""
        self.command(
            hci.HCI_LE_Set_Advertising_Parameters_Command(
                advertising_interval_min=interval,
                advertising_interval_max=interval,
                advertising_type=kind,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=hci.AddressType.PUBLIC_DEVICE,
                peer_address=hci.Address.ANY,
                advertising_channel_map=7,
                advertising_filter_policy=0,
            ),
            hci.HCI_LE_Set_Advertising_Data_Command(data),
            hci.HCI_LE_Set_Scan_Response_Data_Command(response),
            hci.HCI_LE_Set_Advertising_Enable_Command(1),
        )

    def advertise_extended(self, properties: int, data: bytes) -> None:
        """Advertise with an advertising set of id 3, every 100 ms."""
        self.command(
            hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
                advertising_handle=1,
                advertising_event_properties=properties,
                primary_advertising_interval_min=160,
                primary_advertising_interval_max=160,
                primary_advertising_channel_map=7,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=hci.AddressType.PUBLIC_DEVICE,
                peer_address=hci.Address.ANY,
                advertising_filter_policy=0,
                advertising_tx_power=0,
                primary_advertising_phy=1,
                secondary_advertising_max_skip=0,
                secondary_advertising_phy=1,
                advertising_sid=3,
                scan_request_notification_enable=0,
            ),
            hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(
                advertising_handle=1, random_address=self.controller.random_address
            ),
            hci.HCI_LE_Set_Extended_Advertising_Data_Command(
                advertising_handle=1, operation=3, fragment_preference=0, advertising_data=data
            ),
            hci.HCI_LE_Set_Extended_Advertising_Enable_Command(
                enable=1,
                advertising_handles=[1],
                durations=[0],
                max_extended_advertising_events=[0],
            ),
        )

    def connect(self, peer: str, *, supervision: int = 72, public: bool = False) -> None:
        """Ask for a connection; ``supervision`` in units of 10 ms."""
        own = hci.OwnAddressType.PUBLIC if public else hci.OwnAddressType.RANDOM
        self.command(
            hci.HCI_LE_Create_Connection_Command(
                le_scan_interval=96,
                le_scan_window=96,
                initiator_filter_policy=0,
                peer_address_type=hci.AddressType.RANDOM_DEVICE,
                peer_address=hci.Address(peer),
                own_address_type=own,
                connection_interval_min=24,
                connection_interval_max=40,
                max_latency=0,
                supervision_timeout=supervision,
                min_ce_length=0,
                max_ce_length=0,
            )
        )

    def connect_extended(self, peer: str, *, supervision: int) -> None:
        """Ask for a connection as hosts of today do; ``supervision`` in units of 10 ms."""
        self.command(
            hci.HCI_LE_Extended_Create_Connection_Command(
                initiator_filter_policy=0,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=hci.AddressType.RANDOM_DEVICE,
                peer_address=hci.Address(peer),
                initiating_phys=1,
                scan_intervals=[96],
                scan_windows=[96],
                connection_interval_mins=[24],
                connection_interval_maxs=[40],
                max_latencies=[0],
                supervision_timeouts=[supervision],
                min_ce_lengths=[0],
                max_ce_lengths=[0],
            )
        )

    def say(self, data: bytes, channel: int = ATT_CHANNEL) -> None:
        """Send data over the one connection there is, as one L2CAP frame."""
        (connection,) = self.controller.le_connections.values()
        frame = struct.pack("<HH", len(data), channel) + data
        self.command(
            hci.HCI_AclDataPacket(
                connection_handle=connection.handle,
                pb_flag=0,
                bc_flag=0,
                data_total_length=len(frame),
                data=frame,
            )
        )
