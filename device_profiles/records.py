"""Recorded adverts, one JSON object each: what ``lum-hub decode --jsonl`` reads, and a hub tells who listens along.

A record has ``id`` and ``kind`` (``advert`` or ``gatt``); an advert has ``service_data`` {uuid: hex},
``manufacturer_data`` {"0x0499": hex} (a service that was not recorded is ``unknown``) and may have ``address``, ``local_name``, ``service_uuids``,
``rssi``, ``bindkey`` (hex) and ``model`` (ours, or what stands on the box; used only where the advert does not say
what it is). A value of a characteristic has ``characteristic`` (``2a19``) and ``value`` (hex). Whatever else it has is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.errors import RecordError
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.reading import Reading, words

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_UNRECORDED = "unknown"  # in place of a UUID
_NOBODY = "00:00:00:00:00:00"
_FIELDS = "A record needs id, kind (advert or gatt) and the advert's fields; see device_profiles/README.md."


def decode_record(catalogue: Catalogue, record: Mapping[str, Any]) -> dict[str, Any]:
    """Decode one record.

    Args:
        catalogue: The profiles to decode with.
        record: As the module describes; its ``bindkey`` is used if it has one.

    Returns:
        ``id``, ``status`` (a value of :class:`Status`), ``readings`` [``kind``, ``value``, ``unit``, and
        ``flags`` if it has any] and ``reason`` (or ``None``). A packet id is listed as a reading of its own.

    Raises:
        RecordError: A field is missing or not what it must be; names the field.
    """
    if not isinstance(record, Mapping):
        raise RecordError("A record is not a JSON object.", hint=_FIELDS)
    identity = _text(record, "id")
    kind = _text(record, "kind")
    if kind == "gatt":
        value = _bytes(identity, "value", record.get("value"))
        return _line(identity, catalogue.decode_value(_text(record, "characteristic"), value))
    if kind != "advert":
        raise RecordError(f"Record {identity}: `kind` is {kind!r}, not advert or gatt.", hint=_FIELDS)
    bindkey = record.get("bindkey")
    key = None if bindkey is None else _bytes(identity, "bindkey", bindkey)
    advert = _with_service(catalogue, advert_of(record), key)
    outcome = catalogue.decode(advert, key)
    if outcome.status is Status.UNKNOWN:  # some adverts do not say what they are: the record may
        outcome = catalogue.decode(advert, key, catalogue.product(str(record.get("model"))) or "")
    return _line(identity, outcome)


def _with_service(catalogue: Catalogue, advert: Advert, key: bytes | None) -> Advert:
    """The advert with its service, if its data were recorded without the UUID and prove by the address which it is."""
    data = advert.service_data.get(_UNRECORDED)
    if data is None:
        return advert
    for uuid in catalogue.services:
        tried = replace(advert, service_data={uuid: data})
        stranger = replace(tried, address=_NOBODY)
        if (
            catalogue.decode(tried, key).status is Status.DECODED
            and catalogue.decode(stranger, key).reason == Reason.ADDRESS_MISMATCH
        ):
            return tried
    return advert


def record_of(advert: Advert) -> dict[str, Any]:
    """An advert as a record without ``id``; :func:`advert_of` gives it back, but for the time it was heard."""
    return {
        "kind": "advert",
        "address": advert.address,
        "local_name": advert.local_name,
        "service_uuids": list(advert.service_uuids),
        "service_data": {uuid: data.hex() for uuid, data in advert.service_data.items()},
        "manufacturer_data": {
            f"0x{company:04x}": data.hex() for company, data in advert.manufacturer_data.items()
        },
        "rssi": advert.signal_dbm,
    }


def advert_of(record: Mapping[str, Any]) -> Advert:
    """The advert of a record, heard at 0.

    Raises:
        RecordError: A field is not what it must be; names the field.
    """
    identity = str(record.get("id", "without id"))
    address = str(record.get("address") or "").upper()
    claimed = record.get("service_uuids") or []
    if not isinstance(claimed, list):
        raise RecordError(f"Record {identity}: `service_uuids` is not a list.", hint=_FIELDS)
    services = _table(identity, record, "service_data")
    makers = _table(identity, record, "manufacturer_data")
    signal = record.get("rssi")
    name = record.get("local_name")
    return Advert(
        address=address if _ADDRESS.fullmatch(address) else "",  # some hosts give a made-up id instead
        local_name=name if isinstance(name, str) else None,
        service_uuids=tuple(full_uuid(str(uuid)) for uuid in claimed),
        service_data={
            full_uuid(uuid): _bytes(identity, "service_data", data) for uuid, data in services.items()
        },
        manufacturer_data={
            _company(identity, company): _bytes(identity, "manufacturer_data", data)
            for company, data in makers.items()
        },
        signal_dbm=signal if isinstance(signal, int) else 0,
        heard_ms=0,
    )


def _line(identity: str, outcome: Outcome) -> dict[str, Any]:
    readings = [_spoken(reading) for reading in outcome.readings]
    if outcome.repeat is not None and outcome.status is Status.DECODED:
        readings.append({"kind": "packet_id", "value": outcome.repeat, "unit": None})
    return {"id": identity, "status": outcome.status.value, "readings": readings, "reason": outcome.reason}


def _spoken(reading: Reading) -> dict[str, Any]:
    spoken = {"kind": reading.kind, "value": reading.plain, "unit": reading.unit or None}
    return spoken | ({"flags": list(words(reading.flags))} if reading.flags else {})


def _text(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise RecordError(f"A record has no `{field}`.", hint=_FIELDS)
    return value


def _table(identity: str, record: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = record.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordError(f"Record {identity}: `{field}` is not an object.", hint=_FIELDS)
    return value


def _bytes(identity: str, field: str, value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise RecordError(f"Record {identity}: `{field}` is not written in hex.", hint=_FIELDS) from error


def _company(identity: str, value: str) -> int:
    try:
        return int(value, 16)
    except ValueError as error:
        raise RecordError(f"Record {identity}: {value!r} is no company id (0x0499).", hint=_FIELDS) from error
