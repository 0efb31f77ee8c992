"""Who is on the air, as somebody sees it who looks for a sensor."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.role import Role
from edge_agent.roster import Entry
from edge_agent.sightings import SIGHTINGS_MAX, Known, Sightings, scan_table

DOOR, STRANGER, PHONE = "C0:1A:00:00:00:05", "C0:1A:00:00:00:09", "5A:00:00:00:00:01"
KEY, OTHER_KEY = bytes(range(16)), bytes(16)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The profiles that come with Lum."""
    return Catalogue.load()


def known(*, encrypted: bool = False) -> Known:
    """The home's one sensor."""
    entry = Entry(
        address=DOOR,
        name="Kitchen door",
        room="Kitchen",
        role=Role.ENTRANCE,
        model="bthome_v2",
        contract="heartbeat 3600 s",
        encrypted=encrypted,
    )
    return Known(entry, KEY if encrypted else None)


def advert(
    address: str, said: Iterable[tuple[str, object]], *, signal_dbm: int = -60, key: bytes | None = None
) -> Advert:
    """What a BTHome sensor sends."""
    readings = [reading("bthome_v2", kind, value) for kind, value in said]
    sent = encode("bthome_v2", address, readings, repeat=1, key=key, counter=1)
    return replace(sent, signal_dbm=signal_dbm)


def phone(address: str = PHONE) -> Advert:
    """What no profile claims."""
    return Advert(address, None, (), {}, {0x004C: b"\2\x15"}, -50, 0)


def test_the_strongest_comes_first(catalogue: Catalogue) -> None:
    """Whoever holds a sensor beside the hub finds it on top."""
    seen = Sightings(catalogue, [])
    seen.hear(advert(STRANGER, [("door", 1)], signal_dbm=-80))
    seen.hear(advert(DOOR, [("door", 1)], signal_dbm=-40))

    assert [row.address for row in seen.rows()] == [DOOR, STRANGER]


def test_what_no_profile_claims_is_shown_only_when_asked_for(catalogue: Catalogue) -> None:
    """The neighbours' phones would hide the sensors."""
    seen = Sightings(catalogue, [])
    seen.hear(phone())

    assert seen.rows() == []
    assert [row.title for row in seen.rows(everybody=True)] == ["unknown"]


def test_the_last_readings_of_each_kind_are_shown(catalogue: Catalogue) -> None:
    """The newest frame comes first; what an earlier one said stays."""
    seen = Sightings(catalogue, [])
    seen.hear(advert(DOOR, [("battery", 93), ("temperature", 20)]))
    seen.hear(advert(DOOR, [("temperature", 21)]))

    (row,) = seen.rows()
    assert row.says == ("temperature 21.00 °C", "battery 93 %")


def test_one_lucky_advert_is_no_strong_signal(catalogue: Catalogue) -> None:
    """The median of the last few counts."""
    seen = Sightings(catalogue, [])
    for signal_dbm in (-91, -40, -92):
        seen.hear(advert(DOOR, [("door", 1)], signal_dbm=signal_dbm))

    assert seen.rows()[0].signal_dbm == -91


def test_a_sensor_of_this_home_is_called_by_its_name(catalogue: Catalogue) -> None:
    """With the contract that its home gave it; others have their model's, and no name."""
    seen = Sightings(catalogue, [known()])
    seen.hear(advert(DOOR, [("door", 1)]))
    seen.hear(advert(STRANGER, [("door", 1)], signal_dbm=-70))

    ours, other = seen.rows()
    assert (ours.name, ours.contract) == ("Kitchen door", "heartbeat 3600 s")
    assert (other.name, other.contract) == (None, "event-only")


@pytest.mark.parametrize(
    ("ours", "sent_with", "trouble"),
    [
        ([], KEY, "needs a key"),
        ([known(encrypted=True)], KEY, ""),
        ([known(encrypted=True)], OTHER_KEY, "encrypts with another key"),
        ([known(encrypted=True)], None, "does not encrypt, although it has a key"),
        ([known()], KEY, "needs a key"),
    ],
)
def test_what_stands_in_the_way_is_said(
    catalogue: Catalogue, ours: list[Known], sent_with: bytes | None, trouble: str
) -> None:
    """The same sensor with the right key, another one, or none."""
    seen = Sightings(catalogue, ours)
    seen.hear(advert(DOOR, [("door", 1)], key=sent_with))

    row = seen.row(DOOR)
    assert row is not None
    assert row.trouble == trouble
    assert bool(row.says) is not bool(trouble)


def test_a_sensor_that_tells_nothing_without_a_connection_is_recognised(catalogue: Catalogue) -> None:
    """Who fits it must know; once it is assigned, connecting is the hub's business."""
    pulse = Advert(DOOR, "Pulse", (full_uuid("180d"),), {}, {}, -60, 0)
    ours = Known(replace(known().entry, model="heart_rate"))
    unassigned, assigned = Sightings(catalogue, []), Sightings(catalogue, [ours])
    for seen in (unassigned, assigned):
        seen.hear(pulse)

    assert [(row.model, row.trouble) for row in unassigned.rows()] == [("heart_rate", "needs a connection")]
    assert [(row.model, row.trouble) for row in assigned.rows()] == [("heart_rate", "")]


def test_an_advert_that_says_nothing_hides_none_that_does(catalogue: Catalogue) -> None:
    """Many sensors send a beacon of their maker's beside what they measure."""
    seen = Sightings(catalogue, [])
    seen.hear(advert(DOOR, [("door", 1)]))
    seen.hear(phone(DOOR))

    assert seen.rows()[0].says == ("door open",)


def test_memory_is_bounded(catalogue: Catalogue) -> None:
    """Phones change their addresses for ever."""
    seen = Sightings(catalogue, [])
    for number in range(SIGHTINGS_MAX + 1):
        seen.hear(phone(f"5A:00:00:00:{number >> 8:02X}:{number & 255:02X}"))

    assert len(seen.rows(everybody=True)) == SIGHTINGS_MAX
    assert seen.row("5A:00:00:00:00:00") is None


def test_the_table_and_the_facts_say_the_same(catalogue: Catalogue) -> None:
    """One for people, one for machines."""
    seen = Sightings(catalogue, [known()])
    seen.hear(advert(DOOR, [("door", 1)], signal_dbm=-58))
    seen.hear(
        advert(STRANGER, [("battery", 1), ("temperature", 2), ("humidity", 3), ("co2", 4)], signal_dbm=-91)
    )

    ours, other = (row.facts() for row in seen.rows())
    assert (ours["signal"], ours["says"], ours["name"]) == ("strong", ["door open"], "Kitchen door")
    assert (other["signal"], other["name"], len(other["says"])) == ("very weak", None, 4)
    assert [" ".join(line.split()) for line in scan_table(seen.rows())] == [
        "SIGNAL ADDRESS MODEL SAYS ALIVE SENSOR",
        "-58 dBm strong C0:1A:00:00:00:05 BTHome v2 sensor door open heartbeat 3600 s Kitchen door",
        "-91 dBm very weak C0:1A:00:00:00:09 BTHome v2 sensor battery 1 %, temperature 2.00 °C, humidity 3.00 %, ... event-only not assigned",
    ]
