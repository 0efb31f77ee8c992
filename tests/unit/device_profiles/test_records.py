"""Recorded adverts, from a JSON object to a JSON object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.errors import RecordError
from device_profiles.records import advert_of, decode_record, record_of

CATALOGUE = Catalogue.load()
GOOD: dict[str, Any] = {
    "id": "a1",
    "kind": "advert",
    "address": "54:48:e6:8f:80:a5",
    "local_name": None,
    "rssi": -60,
    "service_uuids": None,
    "service_data": {"0000FCD2-0000-1000-8000-00805F9B34FB": "41a47266c95f730011223378237214"},
    "manufacturer_data": {"0x0499": "00"},
    "bindkey": "231d39c1d7cc1ab1aee224cd096db932",
    "tags": ["looked at by nobody"],
}


def test_an_encrypted_record_is_decoded() -> None:
    """The record's own key opens it; case of address and service does not matter."""
    assert decode_record(CATALOGUE, GOOD) == {
        "id": "a1",
        "status": "decoded",
        "readings": [
            {"kind": "temperature", "value": 25.06, "unit": "°C"},
            {"kind": "humidity", "value": 50.55, "unit": "%"},
        ],
        "reason": None,
    }


def test_a_packet_id_is_listed() -> None:
    """Whoever compares decoders sees the packet id, and what has no unit says null."""
    record = GOOD | {"bindkey": None, "service_data": {"fcd2": "4000092101"}}

    line = decode_record(CATALOGUE, record)

    assert line["readings"] == [
        {"kind": "motion", "value": True, "unit": None},
        {"kind": "packet_id", "value": 9, "unit": None},
    ]
    assert json.loads(json.dumps(line)) == line


def test_a_record_without_its_key_needs_it() -> None:
    """An encrypted advert without a key is no failure of the bytes."""
    line = decode_record(CATALOGUE, GOOD | {"bindkey": None})

    assert (line["status"], line["readings"], line["reason"]) == ("needs_key", [], "no-key")


def test_a_characteristic_is_decoded() -> None:
    """What was read over a connection is a record too; one that no profile knows is counted."""
    record = {"id": "g1", "kind": "gatt", "characteristic": "2a19", "value": "64"}

    assert decode_record(CATALOGUE, record) == {
        "id": "g1",
        "status": "decoded",
        "readings": [{"kind": "battery", "value": 100, "unit": "%"}],
        "reason": None,
    }
    assert decode_record(CATALOGUE, record | {"characteristic": "ffff"}) == {
        "id": "g1",
        "status": "unknown",
        "readings": [],
        "reason": "no-profile",
    }


def test_what_is_not_plausible_says_so() -> None:
    """A value that cannot be true is told, with its flag beside it."""
    line = decode_record(CATALOGUE, GOOD | {"bindkey": None, "service_data": {"fcd2": "40016f"}})

    assert line["readings"] == [{"kind": "battery", "value": 111, "unit": "%", "flags": ["implausible"]}]


def test_an_advert_survives_as_a_record() -> None:
    """What a hub tells those who listen along is what it heard, but for the time."""
    advert = Advert("A4:C1:38:CF:01:56", "x", ("a" * 36,), {"b" * 36: b"\1"}, {0x0499: b"\2"}, -60, 0)

    assert advert_of(record_of(advert)) == advert


@pytest.mark.parametrize("address", [None, "", "61DE521B-F0BF-9F44-64D4-75BBE1738105"])
def test_a_record_without_an_address_is_read_as_far_as_it_goes(address: str | None) -> None:
    """Plain frames need no address; those that must be checked against one are refused."""
    plain = GOOD | {"address": address, "bindkey": None, "service_data": {"fcd2": "402101"}}
    checked = GOOD | {"address": address, "service_data": {"181a": "11d603fbfa7b6dfb1e26fd"}}

    assert decode_record(CATALOGUE, plain)["status"] == "decoded"
    assert decode_record(CATALOGUE, GOOD | {"address": address})["reason"] == "address-unknown"
    assert decode_record(CATALOGUE, checked)["reason"] == "address-unknown"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": None}, "A record has no `id`"),
        ({"kind": ""}, "A record has no `kind`"),
        ({"kind": "smoke signal"}, "Record a1: `kind` is 'smoke signal'"),
        ({"service_data": ["40"]}, "Record a1: `service_data` is not an object"),
        ({"service_data": {"fcd2": "4"}}, "Record a1: `service_data` is not written in hex"),
        ({"service_data": {"fcd2": 40}}, "Record a1: `service_data` is not written in hex"),
        ({"service_uuids": 5}, "Record a1: `service_uuids` is not a list"),
        ({"manufacturer_data": {"0x0499": "zz"}}, "Record a1: `manufacturer_data` is not written in hex"),
        ({"manufacturer_data": {"acme": "00"}}, "Record a1: 'acme' is no company id"),
        ({"bindkey": "secret"}, "Record a1: `bindkey` is not written in hex"),
    ],
)
def test_an_unusable_record_is_named(change: dict[str, Any], words: str) -> None:
    """Whoever wrote the record learns which field of which record to mend."""
    with pytest.raises(RecordError, match=words) as caught:
        decode_record(CATALOGUE, GOOD | change)

    assert caught.value.hint
    assert "secret" not in str(caught.value)
