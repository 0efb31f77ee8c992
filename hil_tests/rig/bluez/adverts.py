"""What BlueZ makes of an advert: properties of a device, merged into what it knew before. Pure.

As ``btd_adapter_device_found`` and ``device_set_*`` of BlueZ 5.66 do it. UUIDs are only ever
added. With ``DuplicateData`` each kind of data an advert has replaces the one before and is told
anew; without it, entries are merged and only changes are told.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from bumble.core import AdvertisingData
from dbus_fast import Variant

from device_profiles.advert import full_uuid
from hil_tests.rig.bluez.objects import Values

_Type = AdvertisingData.Type
_SERVICE_DATA: dict[int, int] = {
    _Type.SERVICE_DATA_16_BIT_UUID: 2,
    _Type.SERVICE_DATA_32_BIT_UUID: 4,
    _Type.SERVICE_DATA_128_BIT_UUID: 16,
}
_SERVICE_LISTS: dict[int, int] = {
    _Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    _Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_BASE = full_uuid("0000")[8:]
_NAMES = (_Type.COMPLETE_LOCAL_NAME, _Type.SHORTENED_LOCAL_NAME)


@dataclass(slots=True)
class Said:
    """What one advert (with its scan response) says; UUIDs are full ones in lower case."""

    name: str | None = None
    power_dbm: int | None = None
    services: list[str] = field(default_factory=list)
    service_data: dict[str, bytes] = field(default_factory=dict)
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)


def said(structures: Sequence[tuple[int, bytes]]) -> Said:
    """Take the structures of an advert for what they say; what is too short for its kind says nothing."""
    found = Said()
    for kind, body in structures:
        _take(found, kind, body)
    return found


def changes(standing: Values, news: Said, signal_dbm: int, *, duplicates: bool) -> Values:
    """Tell which properties of a device an advert changes; empty: clients are told nothing.

    Args:
        standing: The device's properties so far.
        news: What the advert says.
        signal_dbm: How strongly it was received.
        duplicates: Whether a client asked for ``DuplicateData``.
    """
    changed: Values = {}
    _set(changed, standing, "RSSI", Variant("n", signal_dbm))
    if news.power_dbm is not None:
        _set(changed, standing, "TxPower", Variant("n", news.power_dbm))
    if news.name:
        _set(changed, standing, "Name", Variant("s", news.name))
        _set(changed, standing, "Alias", Variant("s", news.name))
    known: list[str] = standing["UUIDs"].value if "UUIDs" in standing else []
    added = [one for one in dict.fromkeys(news.services) if one not in known]
    if added:
        changed["UUIDs"] = Variant("as", [*known, *added])
    for name, signature, data in (
        ("ManufacturerData", "a{qv}", news.manufacturer_data),
        ("ServiceData", "a{sv}", news.service_data),
    ):
        fresh = {key: Variant("ay", value) for key, value in data.items()}
        if fresh and duplicates:
            changed[name] = Variant(signature, fresh)
        elif fresh:
            before = standing[name].value if name in standing else {}
            _set(changed, standing, name, Variant(signature, before | fresh))
    return changed


def _set(changed: Values, standing: Values, name: str, value: Variant) -> None:
    if standing.get(name) != value:
        changed[name] = value


def _take(found: Said, kind: int, body: bytes) -> None:
    if (width := _SERVICE_DATA.get(kind)) is not None and len(body) >= width:
        found.service_data[_uuid_text(body[:width])] = body[width:]
    elif (width := _SERVICE_LISTS.get(kind)) is not None:
        found.services += [_uuid_text(body[at : at + width]) for at in range(0, len(body) - width + 1, width)]
    elif kind == _Type.MANUFACTURER_SPECIFIC_DATA and len(body) >= 2:
        found.manufacturer_data[int.from_bytes(body[:2], "little")] = body[2:]
    elif kind in _NAMES:
        found.name = body.decode("utf-8", errors="replace")
    elif kind == _Type.TX_POWER_LEVEL and len(body) == 1:
        found.power_dbm = int.from_bytes(body, signed=True)


def _uuid_text(little_endian: bytes) -> str:
    number = int.from_bytes(little_endian, "little")
    return str(uuid.UUID(int=number)) if len(little_endian) == 16 else f"{number:08x}{_BASE}"
