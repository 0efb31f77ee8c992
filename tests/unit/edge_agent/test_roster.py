"""Which sensors a home has, and what may be changed about them."""

from __future__ import annotations

from traceback import format_exception
from typing import Any

import pytest

from cloud_sync.wire.limits import SENSORS_MAX
from device_profiles.role import Role
from edge_agent.errors import ConfigError, RosterError
from edge_agent.roster import EMPTY, MEANINGS, Roster, address_in, key_in, packed, parsed

DOOR: dict[str, Any] = {
    "address": "C0:1A:00:00:00:05",
    "name": "Kitchen door",
    "room": "Kitchen",
    "role": Role.ENTRANCE,
    "model": "bthome_v2",
    "contract": "heartbeat 3600 s",
    "encrypted": True,
}
BUTTON: dict[str, Any] = {
    "address": "C0:1A:00:00:00:08",
    "name": "Help button",
    "room": "",
    "role": Role.HELP,
    "model": "bthome_v2",
}


def home(*sensors: dict[str, Any]) -> Roster:
    """A home to which these were added, one after the other."""
    roster = EMPTY
    for said in sensors:
        roster, _ = roster.taking(said, replace=False)
    return roster


def test_what_is_added_is_there_after_writing_and_reading() -> None:
    """The file gives back the same sensors, in the order they were added."""
    roster = home(DOOR, BUTTON)

    assert parsed(packed(roster), "sensors.json") == roster
    assert [sensor.name for sensor in roster.sensors] == ["Kitchen door", "Help button"]


def test_a_sensor_is_found_by_name_or_address_whatever_the_case() -> None:
    """People type names as they remember them."""
    roster = home(DOOR, BUTTON)

    assert roster.named("help BUTTON").address == BUTTON["address"]
    assert roster.named("c0:1a:00:00:00:05").name == "Kitchen door"
    with pytest.raises(RosterError) as caught:
        roster.named("Bath")
    assert "Kitchen door, Help button" in caught.value.hint
    with pytest.raises(RosterError, match="Bath"):
        EMPTY.named("Bath")


def test_an_address_is_taken_once_unless_it_is_to_be_replaced() -> None:
    """An accident must not turn one sensor into another."""
    roster = home(DOOR, BUTTON)
    again = {**DOOR, "name": "Back door"}

    with pytest.raises(RosterError, match="already added: Kitchen door") as caught:
        roster.taking(again, replace=False)
    assert "--replace" in caught.value.hint
    replaced, entry = roster.taking(again, replace=True)
    assert (entry.name, replaced.sensors[0], len(replaced.sensors)) == ("Back door", entry, 2)


def test_what_a_replacement_leaves_out_stays_as_it_was() -> None:
    """Above all the key: a sensor must not be believed in the clear because its name was corrected."""
    brief = {field: DOOR[field] for field in ("address", "name", "role")} | {
        "room": "",
        "model": None,
        "encrypted": False,
    }

    _, entry = home(DOOR).taking(brief, replace=True)

    assert (entry.model, entry.contract, entry.encrypted) == ("bthome_v2", "heartbeat 3600 s", True)
    assert entry.room == ""


def test_two_sensors_never_share_a_name() -> None:
    """Whatever its case: people could not tell them apart; a sensor may keep its own."""
    roster = home(DOOR, BUTTON)

    with pytest.raises(RosterError, match="is taken, by C0:1A:00:00:00:05"):
        roster.taking({**BUTTON, "name": "KITCHEN door"}, replace=True)
    assert roster.taking(DOOR, replace=True)[0] == roster


def test_a_removed_sensor_is_gone() -> None:
    """And the others stay."""
    roster = home(DOOR, BUTTON)

    assert roster.without(roster.named("Kitchen door")) == home(BUTTON)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": " Bath"}, "name"),
        ({"name": "Ba\nth"}, "name"),
        ({"name": "x" * 61}, "60"),
        ({"name": "aa:bb:cc:dd:ee:ff"}, "address"),
        ({"room": "Bath\t"}, "room"),
        ({"contract": "sometimes"}, "sometimes"),
    ],
)
def test_what_cannot_be_said_of_a_sensor_is_refused_in_words(wrong: dict[str, Any], named: str) -> None:
    """The sentence names what is wrong."""
    with pytest.raises(RosterError, match=named):
        EMPTY.taking({**BUTTON, **wrong}, replace=False)


def test_there_are_no_more_sensors_than_a_batch_can_name() -> None:
    """One more is refused where it is added, not where a batch is cut."""
    full = home(
        *({**BUTTON, "address": f"C0:00:00:00:00:{n:02X}", "name": str(n)} for n in range(SENSORS_MAX))
    )

    with pytest.raises(RosterError, match=str(SENSORS_MAX)):
        full.taking(DOOR, replace=False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "truncated"),
        ('{"version": 2, "sensors": []}', r"\$.version"),
        ('{"sensors": []}', "version"),
        ('{"version": 1, "sensors": [], "colour": 1}', "colour"),
        ('{"version": 1, "sensors": [{"name": "x"}]}', r"\$.sensors\[0\]"),
        (packed(home(DOOR)).decode().replace("entrance", "gate"), "gate"),
        (packed(home(DOOR)).decode().replace("C0:1A", "c0:1a"), "Bluetooth address"),
        (packed(home(DOOR, BUTTON)).decode().replace("00:08", "00:05"), "two sensors have the address"),
        (packed(home(DOOR, BUTTON)).decode().replace("Help button", "KITCHEN DOOR"), "two sensors"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(text: str, named: str) -> None:
    """Nothing of it is believed, and the hub ends as for any configuration."""
    with pytest.raises(ConfigError, match=named) as caught:
        parsed(text.encode(), "sensors.json")

    assert str(caught.value).startswith("sensors.json")
    assert caught.value.exit_code == 78


def test_addresses_are_taken_as_typed() -> None:
    """In upper case; anything else says what an address looks like."""
    assert address_in(" c0:1a:00:00:00:05 ") == "C0:1A:00:00:00:05"
    for text in ("", "C0:1A:00:00:00", "C0-1A-00-00-00-05", "Kitchen door"):
        with pytest.raises(RosterError) as caught:
            address_in(text)
        assert "C0:1A:00:00:00:05" in caught.value.hint


@pytest.mark.parametrize("digits", ["00" * 15 + "ff", "00" * 11 + "FF\n"])
def test_a_key_has_16_bytes_or_12(digits: str) -> None:
    """The older MiBeacon versions have the shorter one."""
    assert key_in(digits, "stdin") == bytes.fromhex(digits)


@pytest.mark.parametrize(("text", "said"), [("5ec2e7" * 5, "15 bytes"), ("5ec2e7zz" * 4, "not hex")])
def test_a_wrong_key_is_refused_and_never_shown(text: str, said: str) -> None:
    """Neither the sentence nor what it was raised from quotes it."""
    with pytest.raises(ConfigError, match=said) as caught:
        key_in(text, "door.key")

    assert "door.key" in str(caught.value)
    assert "5ec2e7" not in "".join(format_exception(caught.value))


def test_each_role_has_its_sentence() -> None:
    """``lum-hub sensors add --help`` shows them."""
    assert set(MEANINGS) == set(Role)
