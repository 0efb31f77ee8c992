"""What the hub asks of a Bluetooth controller: a scan without gaps, and connections to sensors.

In the extended form for controllers that know it, else in the legacy form; a host must never mix
the two (Vol 4, Part E, 3.1.1). Clause numbers are those of the Core Specification 5.4.
"""

from __future__ import annotations

import secrets
from typing import Any

from bumble import hci

SCAN_INTERVAL = 0x60  # 60 ms in units of 0.625 ms; the window is as long, so there is no gap
CONNECTION_INTERVAL_MIN, CONNECTION_INTERVAL_MAX = (
    24,
    40,
)  # 30 to 50 ms in units of 1.25 ms, as Linux asks for
SUPERVISION_TIMEOUT = 100  # 1 s in units of 10 ms: a sensor silent for so long is out of reach


def random_address() -> hci.HCI_SyncCommand[Any]:
    """Go by a fresh random static address (Vol 6, Part B, 1.3.2.1)."""
    octets = bytearray(secrets.token_bytes(6))
    octets[-1] |= 0xC0  # least octet first
    return hci.HCI_LE_Set_Random_Address_Command(
        random_address=hci.Address(bytes(octets), hci.Address.RANDOM_DEVICE_ADDRESS)
    )


def scan_parameters(*, extended: bool, active: bool) -> hci.HCI_SyncCommand[Any]:
    """Scan all the time; ``active`` asks for scan responses, too."""
    kind = int(active)  # 7.8.10: 0 passive, 1 active
    if extended:
        # 1M PHY alone: the coded PHY would take half of the listening time.
        return hci.HCI_LE_Set_Extended_Scan_Parameters_Command(
            own_address_type=hci.OwnAddressType.RANDOM,
            scanning_filter_policy=0,
            scanning_phys=1 << hci.HCI_LE_1M_PHY_BIT,
            scan_types=[kind],
            scan_intervals=[SCAN_INTERVAL],
            scan_windows=[SCAN_INTERVAL],
        )
    return hci.HCI_LE_Set_Scan_Parameters_Command(
        le_scan_type=kind,
        le_scan_interval=SCAN_INTERVAL,
        le_scan_window=SCAN_INTERVAL,
        own_address_type=hci.OwnAddressType.RANDOM,
        scanning_filter_policy=0,
    )


def scan(*, extended: bool, on: bool) -> hci.HCI_SyncCommand[Any]:
    """Begin to report adverts, repeats too, or cease."""
    if extended:
        return hci.HCI_LE_Set_Extended_Scan_Enable_Command(
            enable=int(on), filter_duplicates=0, duration=0, period=0
        )
    return hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=int(on), filter_duplicates=0)


def connection(address: hci.Address, *, extended: bool) -> hci.HCI_AsyncCommand:
    """Connect to a sensor at its next advert."""
    if extended:
        return hci.HCI_LE_Extended_Create_Connection_Command(
            initiator_filter_policy=0,
            own_address_type=hci.OwnAddressType.RANDOM,
            peer_address_type=address.address_type,
            peer_address=address,
            initiating_phys=1 << hci.HCI_LE_1M_PHY_BIT,
            scan_intervals=[SCAN_INTERVAL],
            scan_windows=[SCAN_INTERVAL],
            connection_interval_mins=[CONNECTION_INTERVAL_MIN],
            connection_interval_maxs=[CONNECTION_INTERVAL_MAX],
            max_latencies=[0],
            supervision_timeouts=[SUPERVISION_TIMEOUT],
            min_ce_lengths=[0],
            max_ce_lengths=[0],
        )
    return hci.HCI_LE_Create_Connection_Command(
        le_scan_interval=SCAN_INTERVAL,
        le_scan_window=SCAN_INTERVAL,
        initiator_filter_policy=0,
        peer_address_type=address.address_type,
        peer_address=address,
        own_address_type=hci.OwnAddressType.RANDOM,
        connection_interval_min=CONNECTION_INTERVAL_MIN,
        connection_interval_max=CONNECTION_INTERVAL_MAX,
        max_latency=0,
        supervision_timeout=SUPERVISION_TIMEOUT,
        min_ce_length=0,
        max_ce_length=0,
    )


def connection_cancel() -> hci.HCI_SyncCommand[Any]:
    """Wait for the sensor no longer."""
    return hci.HCI_LE_Create_Connection_Cancel_Command()


def disconnection(handle: int) -> hci.HCI_AsyncCommand:
    """Hang up."""
    return hci.HCI_Disconnect_Command(
        connection_handle=handle, reason=hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
    )
