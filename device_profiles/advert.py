"""An advert: one received radio frame with its receive time."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_BASE_UUID = "0000{}-0000-1000-8000-00805f9b34fb"  # Bluetooth Core, Vol 3, Part B, 2.5.1


class Advert(msgspec.Struct, frozen=True):
    """What the radio heard, split into its fields but not yet understood.

    Attributes:
        address: The sender's address, upper case, ``"AA:BB:CC:DD:EE:FF"``; empty if not known.
        local_name: The name it gave, if any.
        service_uuids: Services it claims, full 128-bit form, lower case.
        service_data: Bytes by service, keyed like ``service_uuids``.
        manufacturer_data: Bytes by company id, the id itself left out.
        signal_dbm: Received signal strength.
        heard_ms: When it was heard, in milliseconds of the hub's boot clock.
    """

    address: str
    local_name: str | None
    service_uuids: tuple[str, ...]
    service_data: Mapping[str, bytes]
    manufacturer_data: Mapping[int, bytes]
    signal_dbm: int
    heard_ms: int


def full_uuid(uuid: str) -> str:
    """Spell a 16-bit (``"fcd2"``) or full UUID as ``Advert`` keys it."""
    lower = uuid.lower()
    return _BASE_UUID.format(lower) if len(lower) == 4 else lower


def short_uuid(uuid: str) -> str:
    """The 16-bit id (``"2a19"``) of a UUID of the Bluetooth SIG; others stay as they are."""
    return uuid[4:8] if len(uuid) == 36 and uuid == full_uuid(uuid[4:8]) else uuid.lower()
