"""What of a BTHome frame is believed when it is not whole, or not in order."""

from __future__ import annotations

import pytest

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Outcome, Reason, Status
from device_profiles.reading import NO_FLAGS, Flag

CATALOGUE = Catalogue.load()
SENDER = "54:48:E6:8F:80:A5"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")


def heard(payload: str, key: bytes | None = None) -> Outcome:
    """What the catalogue says of one service data payload."""
    data = {full_uuid("fcd2"): bytes.fromhex(payload)}
    return CATALOGUE.decode(Advert(SENDER, None, (), data, {}, -60, 1), key)


def test_a_cut_frame_keeps_what_was_whole_and_no_packet_id() -> None:
    """The whole copy that follows must not be dropped as a repeat of the cut one."""
    whole, cut = heard("40000902ca0903bf13"), heard("40000902ca0903bf")

    assert (whole.repeat, whole.reason, len(whole.readings)) == (9, None, 2)
    assert (cut.repeat, cut.reason, cut.readings) == (None, Reason.TRUNCATED, whole.readings[:1])


def test_an_object_of_a_later_version_ends_the_frame() -> None:
    """What stands before an unknown object is used, as the format intends; the packet id counts."""
    outcome = heard("400009015dfe5d0903b718")

    assert [reading.plain for reading in outcome.readings] == [93]
    assert (outcome.status, outcome.reason, outcome.repeat) == (Status.DECODED, Reason.UNKNOWN_OBJECT, 9)


@pytest.mark.parametrize("payload", ["4002ca09016f", "40016f02ca09"], ids=["behind", "before"])
def test_an_impossible_value_is_kept_and_flagged(payload: str) -> None:
    """A battery of 111 % is told as it came, as not plausible; the temperature beside it is not blamed."""
    outcome = heard(payload)

    assert outcome.status is Status.DECODED
    assert {reading.kind: (reading.plain, reading.flags) for reading in outcome.readings} == {
        "battery": (111, Flag.IMPLAUSIBLE),
        "temperature": (25.06, NO_FLAGS),
    }


@pytest.mark.parametrize("payload", ["402102", "4002ca092102", "402102ca"], ids=["alone", "behind", "before"])
def test_a_boolean_that_is_neither_condemns_the_frame(payload: str) -> None:
    """Whoever says "2" to a question of yes or no does not speak this format."""
    outcome = heard(payload)

    assert (outcome.status, outcome.reason, outcome.readings) == (Status.REJECTED, Reason.BAD_VALUE, ())


def test_what_came_encrypted_is_proven() -> None:
    """A key proves who said it; nothing proves what comes in the clear."""
    assert heard("41a47266c95f730011223378237214", KEY).proven
    assert not heard("4002ca09").proven


@pytest.mark.parametrize(("battery", "flags"), [("0a", Flag.BATTERY_LOW), ("0b", NO_FLAGS)])
def test_a_low_battery_is_flagged(battery: str, flags: Flag) -> None:
    """At the profile's threshold and below, the sensor asks for a new one."""
    assert heard(f"4001{battery}").readings[0].flags == flags


def test_repeated_kinds_are_numbered_by_their_place() -> None:
    """The name of a value never depends on what follows it in the frame."""
    kinds = [reading.kind for reading in heard("4002ca0902cf0902cf0803b71803b717015d").readings]

    assert kinds == ["temperature", "temperature_2", "temperature_3", "humidity", "humidity_2", "battery"]
    assert [reading.kind for reading in heard("4002ca0902cf09").readings] == kinds[:2]


def test_silent_buttons_count_but_say_nothing() -> None:
    """A four-button switch sends a state for each; only the pressed one is a reading."""
    assert [(reading.kind, reading.plain) for reading in heard("403a003a013a003a00").readings] == [
        ("button_2", "press")
    ]


def test_the_encryption_counter_comes_only_from_a_frame_that_proved_authentic() -> None:
    """A forged frame cannot move a replay guard."""
    sealed = "41a47266c95f730011223378237214"

    assert heard(sealed, KEY).counter == 0x33221100
    assert heard(sealed[:-2] + "15", KEY).counter is None
    assert heard(sealed).counter is None


def test_a_key_does_not_show_in_an_outcome() -> None:
    """Outcomes are logged; keys are not."""
    assert KEY.hex() not in repr(heard("41a47266c95f730011223378237214", KEY))
    assert repr(KEY) not in repr(heard("40", KEY))
