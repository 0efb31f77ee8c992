"""What makes no sense in a known answer of a model file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from device_profiles.field_faults import Fault
from device_profiles.outcome import Reason, Status
from device_profiles.profile import Layout, Profile, Vector
from device_profiles.reading import Flag

_ADDRESS = re.compile(r"|[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_COMPANY = re.compile(r"0x[0-9a-fA-F]{4}")
_STATUSES = [status.value for status in Status]
_REASONS = sorted(value for name, value in vars(Reason).items() if not name.startswith("_"))
_FLAGS = [str(flag.name).lower().replace("_", "-") for flag in Flag]


def vector_faults(place: str, vector: Vector, profile: Profile) -> Iterator[Fault]:
    """Yield each mistake of a known answer as its place and a clause."""
    if vector.status not in _STATUSES:
        yield f"{place}.status", f"the statuses are {', '.join(_STATUSES)}"
    elif bool(vector.readings) != (vector.status == Status.DECODED.value) and vector.repeat is None:
        yield f"{place}.readings", '"decoded" has readings, and nothing else has'
    if vector.reason is not None and vector.reason not in _REASONS:
        yield f"{place}.reason", f"the reasons are {', '.join(_REASONS)}"
    for number, reading in enumerate(vector.readings):
        for flag in reading.flags:
            if flag not in _FLAGS:
                yield f"{place}.readings[{number}].flags", f"the flags are {', '.join(_FLAGS)}"
    yield from _written_faults(place, vector)
    yield from _way_faults(place, vector, profile)


def _written_faults(place: str, vector: Vector) -> Iterator[Fault]:
    """Bytes, companies and addresses are written as they are everywhere."""
    written = {
        "payload": vector.payload,
        "key": vector.key or "",
        **{f"service_data.{uuid}": data for uuid, data in vector.service_data.items()},
        **{f"manufacturer_data.{company}": data for company, data in vector.manufacturer_data.items()},
    }
    for key, data in written.items():
        if not _is_hex(data):
            yield f"{place}.{key}", "it is not written in hex"
    for company in vector.manufacturer_data:
        if not _COMPANY.fullmatch(company):
            yield f"{place}.manufacturer_data", 'a company id is written "0x0969"'
    if not _ADDRESS.fullmatch(vector.address):
        yield f"{place}.address", 'an address is written "A4:C1:38:CF:01:56", or is empty if not known'


def _way_faults(place: str, vector: Vector, profile: Profile) -> Iterator[Fault]:
    """It comes in an advert, or as the value of a characteristic."""
    described = {one.uuid for one in profile.characteristics}
    if vector.characteristic is not None:
        if vector.characteristic not in described and profile.layout is not Layout.GATT:
            yield f"{place}.characteristic", "the model has no characteristics"
    elif not profile.recognise and vector.payload:
        yield f"{place}.payload", "`recognise` does not say where in an advert it stands"


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
