"""From the roster to what the hub uses."""

from __future__ import annotations

import pytest

from cloud_sync.wire.batch import Contract
from device_profiles.catalogue import Catalogue
from device_profiles.role import Role
from edge_agent import home
from edge_agent.errors import ConfigError
from edge_agent.roster import Entry, Roster

DOOR = Entry(
    address="C0:1A:00:00:00:05",
    name="Kitchen door",
    room="Kitchen",
    role=Role.ENTRANCE,
    model="bthome_v2",
    contract="heartbeat 3600 s",
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The profiles that come with Lum."""
    return Catalogue.load()


def of(entry: Entry, catalogue: Catalogue) -> dict[str, home.HomeSensor]:
    """A home with one sensor."""
    return home.sensors(
        Roster(version=1, sensors=(entry,)), lambda e: bytes(16) if e.encrypted else None, catalogue
    )


def test_a_sensor_is_what_its_home_says_of_it(catalogue: Catalogue) -> None:
    """Its contract outweighs the model's; the cloud is told its role; it has no key unless it encrypts."""
    sensor = of(DOOR, catalogue)[DOOR.address]

    assert (sensor.liveness.contract, sensor.liveness.period_s) == (Contract.HEARTBEAT, 3600)
    assert (sensor.described.name, sensor.described.role) == ("Kitchen door", "entrance")
    assert sensor.assigned.key is None


@pytest.mark.parametrize(("wrong", "said"), [("model", "bthome_v9"), ("contract", "sometimes")])
def test_what_no_longer_fits_names_the_sensor(catalogue: Catalogue, wrong: str, said: str) -> None:
    """A list made with other profiles, or by hand, ends the hub with a sentence."""
    facts = {field: getattr(DOOR, field) for field in DOOR.__struct_fields__} | {wrong: said}

    with pytest.raises(ConfigError, match=f"Kitchen door.*{said}"):
        of(Entry(**facts), catalogue)


def test_the_last_readings_of_a_removed_sensor_can_still_be_told(catalogue: Catalogue) -> None:
    """It was removed while the hub did not run: the cloud is told its address, and nothing false."""
    sensors = of(DOOR, catalogue)

    told = home.told_of(sensors, [DOOR.address, "C0:1A:00:00:00:09"])

    assert told[DOOR.address] == sensors[DOOR.address].described
    assert (told["C0:1A:00:00:00:09"].name, told["C0:1A:00:00:00:09"].contract) == (
        "C0:1A:00:00:00:09",
        Contract.EVENT_ONLY,
    )
