"""Adverts as bytes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from hil_tests.rig.advertising import LEGACY_DATA_MAX_BYTES, advert_bytes
from hil_tests.rig.errors import RigError

EMPTY = Advert("C0:00:00:00:00:01", None, (), {}, {}, 0, 0)
LONG_UUID = "19b10001-e8f2-537e-4f6c-d104768a1214"


def test_each_field_has_its_structure() -> None:
    """Service data, services, manufacturer data and name stand as the specification has them."""
    advert = replace(
        EMPTY,
        local_name="Lum",
        service_uuids=(full_uuid("180f"),),
        service_data={full_uuid("fcd2"): b"\x40\x00"},
        manufacturer_data={0x004C: b"\x02"},
    )
    assert (
        advert_bytes(advert).hex(" ")
        == "02 01 06 03 03 0f 18 05 16 d2 fc 40 00 04 ff 4c 00 02 04 09 4c 75 6d"
    )


def test_long_uuids_are_sent_in_full() -> None:
    """A 128-bit service goes out as sixteen bytes, least first."""
    packed = advert_bytes(replace(EMPTY, service_data={LONG_UUID: b"x"}))
    assert packed[3:5] == bytes((18, 0x21))
    assert packed[5:21][::-1].hex() == LONG_UUID.replace("-", "")


def test_31_bytes_fit_and_32_do_not() -> None:
    """What a legacy PDU cannot hold is refused in one sentence, not cut."""
    room = LEGACY_DATA_MAX_BYTES - 3 - 4
    fitting = replace(EMPTY, service_data={full_uuid("fcd2"): bytes(room)})
    assert len(advert_bytes(fitting)) == LEGACY_DATA_MAX_BYTES
    with pytest.raises(RigError, match="takes 32 bytes"):
        advert_bytes(replace(EMPTY, service_data={full_uuid("fcd2"): bytes(room + 1)}))
