"""Adverts as bytes on the air (Core Specification Supplement, Part A; Vol 3, Part C, 11)."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING

from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from device_profiles.advert import Advert

LEGACY_DATA_MAX_BYTES = 31  # Vol 6, Part B, 2.3.1.1

_FLAGS = bytes((0x02, 0x01, 0x06))  # LE general discoverable, no BR/EDR
_BASE_UUID_TAIL = "-0000-1000-8000-00805f9b34fb"
_COMPLETE_NAME = 0x09
_SERVICE_DATA = {2: 0x16, 4: 0x20, 16: 0x21}  # by length of the UUID
_SERVICE_LIST = {2: 0x03, 4: 0x05, 16: 0x07}
_MANUFACTURER_DATA = 0xFF


def advert_bytes(advert: Advert) -> bytes:
    """Pack an advert into advertising data that fits one legacy PDU.

    Raises:
        RigError: It does not fit into 31 bytes.
    """
    packed = bytearray(_FLAGS)
    for service in advert.service_uuids:
        short = _uuid_bytes(service)
        packed += _structure(_SERVICE_LIST[len(short)], short)
    for service, data in advert.service_data.items():
        short = _uuid_bytes(service)
        packed += _structure(_SERVICE_DATA[len(short)], short + data)
    for company, data in advert.manufacturer_data.items():
        packed += _structure(_MANUFACTURER_DATA, company.to_bytes(2, "little") + data)
    if advert.local_name is not None:
        packed += _structure(_COMPLETE_NAME, advert.local_name.encode())
    if len(packed) > LEGACY_DATA_MAX_BYTES:
        raise RigError(
            f"The advert of {advert.address} takes {len(packed)} bytes, and a legacy advert "
            f"holds {LEGACY_DATA_MAX_BYTES}.",
            hint="Send fewer readings in one transmission.",
        )
    return bytes(packed)


def _structure(kind: int, body: bytes) -> bytes:
    return bytes((len(body) + 1, kind)) + body


@cache
def _uuid_bytes(service: str) -> bytes:
    if not service.endswith(_BASE_UUID_TAIL):
        return uuid.UUID(service).bytes[::-1]
    number = int(service[:8], 16)
    return number.to_bytes(2 if number < 1 << 16 else 4, "little")
