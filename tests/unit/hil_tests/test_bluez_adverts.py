"""What the rig's BlueZ makes of an advert."""

from __future__ import annotations

import pytest
from bumble.core import AdvertisingData
from dbus_fast import Variant

from hil_tests.rig.bluez.adverts import Said, changes, said

BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"


def _said(octets: str) -> Said:
    return said(AdvertisingData.from_bytes(bytes.fromhex(octets)).ad_structures)


def test_every_field_is_understood() -> None:
    """Name, services of all lengths, service data, manufacturer data and power."""
    assert _said(
        "0416d2fc40 03030f18 050578563412 1107" + bytes(range(16)).hex() + "04ff4c0002 020af4 04094c756d"
    ) == Said(
        "Lum",
        -12,
        [
            "0000180f-0000-1000-8000-00805f9b34fb",
            "12345678-0000-1000-8000-00805f9b34fb",
            "0f0e0d0c-0b0a-0908-0706-050403020100",
        ],
        {BTHOME: b"\x40"},
        {0x004C: b"\x02"},
    )


@pytest.mark.parametrize("octets", ["0216d2", "02ff4c", "0116", "030af400"], ids=lambda octets: octets)
def test_what_is_too_short_says_nothing(octets: str) -> None:
    """A structure that does not hold what its kind needs is passed over."""
    assert _said(octets) == Said()


def test_only_what_changed_is_told() -> None:
    """The same again changes nothing; another strength changes that alone."""
    first = changes({}, _said("0416d2fc40 04094c756d"), -60, duplicates=False)
    assert set(first) == {"RSSI", "Name", "Alias", "ServiceData"}
    assert changes(first, _said("0416d2fc40 04094c756d"), -60, duplicates=False) == {}
    assert changes(first, _said("0416d2fc40"), -61, duplicates=False) == {"RSSI": Variant("n", -61)}


def test_with_duplicates_data_is_told_again() -> None:
    """Data is told with each copy; an advert that has none tells nothing, as long as its strength is the same."""
    first = changes({}, _said("0416d2fc40"), -60, duplicates=True)
    assert set(changes(first, _said("0416d2fc40"), -60, duplicates=True)) == {"ServiceData"}
    assert changes(first, _said("020106"), -60, duplicates=True) == {}


@pytest.mark.parametrize(("duplicates", "kept"), [(True, {"BB"}), (False, {"AA", "BB"})])
def test_data_is_merged_or_replaced(*, duplicates: bool, kept: set[str]) -> None:
    """With duplicates the newest advert's entries stand alone; without, each company's last word stays."""
    standing = changes({}, _said("04ffaa0002"), -60, duplicates=duplicates)
    standing |= changes(standing, _said("04ffbb0003"), -60, duplicates=duplicates)
    assert {f"{company:X}" for company in standing["ManufacturerData"].value} == kept


def test_services_are_only_ever_added() -> None:
    """A device that once listed a service is known for it."""
    standing = changes({}, _said("03030f18"), -60, duplicates=True)
    standing |= changes(standing, _said("03030a18"), -60, duplicates=True)
    assert [one[4:8] for one in standing["UUIDs"].value] == ["180f", "180a"]
