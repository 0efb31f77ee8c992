"""What of a MiBeacon is believed: its header, its encryption, and whose objects they are."""

from __future__ import annotations

import struct

import pytest

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Outcome, Reason, Status
from device_profiles.encode import encode, reading
from device_profiles.errors import EncodeError
from device_profiles.reading import Reading

CATALOGUE = Catalogue.load()
UUID = full_uuid("fe95")
SENDER = "A4:C1:38:B4:94:4C"
KEY = bytes.fromhex("017e52d2684779298709b117c0a75a7b")
ADDRESS = "4c94b438c1a4"  # SENDER, as a frame carries it
THERMOMETER = "5b05"  # LYWSD03MMC
WARM, HUMID = "041002f400", "061002d301"  # 24.4 °C, 46.7 %

LEGACY_SENDER = "F8:24:41:C5:98:8B"
LEGACY = "5830b603368b98c54124f88bb8f2661351000000d6"  # one step to the left
LEGACY_KEY = bytes.fromhex("b853075158487ca39a5b5ea9")


def heard(payload: str | bytes, key: bytes | None = None, sender: str = SENDER) -> Outcome:
    """What the catalogue says of one service data payload."""
    data = payload if isinstance(payload, bytes) else bytes.fromhex(payload)
    return CATALOGUE.decode(Advert(sender, None, (), {UUID: data}, {}, -60, 1), key)


def said(outcome: Outcome) -> dict[str, object]:
    """The readings of an outcome, plainly."""
    return {one.kind: one.plain for one in outcome.readings}


def sealed(*readings: Reading, counter: int = 1) -> bytes:
    """The encrypted frame that says ``readings``."""
    advert = encode("mibeacon", SENDER, readings, repeat=0, key=KEY, counter=counter)
    return advert.service_data[UUID]


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        (f"d050{THERMOMETER}03{ADDRESS}{WARM}", Status.NO_VALUES, Reason.MESH),
        (f"5010{THERMOMETER}03{ADDRESS}{WARM}", Status.NO_VALUES, Reason.OTHER_VERSION),
        (f"3058{THERMOMETER}03{ADDRESS}08", Status.NO_VALUES, Reason.NO_OBJECT),
        (f"5050{THERMOMETER}03{ADDRESS}", Status.REJECTED, Reason.TRUNCATED),
        (f"5050{THERMOMETER}034d94b438c1a4{WARM}", Status.REJECTED, Reason.ADDRESS_MISMATCH),
    ],
    ids=["mesh", "version 1", "no object", "nothing behind it", "another's address"],
)
def test_a_header_can_forbid_to_read_on(payload: str, status: Status, reason: str) -> None:
    """No value is looked for behind a header that says there is none, or none of this sensor's."""
    outcome = heard(payload)

    assert (outcome.status, outcome.reason, outcome.readings) == (status, reason, ())


@pytest.mark.parametrize(
    ("control", "capability"),
    [("5050", ""), ("7050", "08"), ("7050", "280100")],
    ids=["none", "one byte", "one that announces two more"],
)
def test_objects_begin_behind_what_the_sensor_is_capable_of(control: str, capability: str) -> None:
    """The capability byte, and the two bytes that it may announce, are no part of an object."""
    assert said(heard(f"{control}{THERMOMETER}03{ADDRESS}{capability}{WARM}")) == {"temperature": 24.4}


def test_a_frame_without_an_address_or_from_an_unknown_sender_is_read() -> None:
    """Some products leave it out; some hosts do not tell who sent."""
    assert said(heard(f"4050{THERMOMETER}03{WARM}")) == {"temperature": 24.4}
    assert said(heard(f"5050{THERMOMETER}03{ADDRESS}{WARM}", sender="")) == {"temperature": 24.4}


def test_the_product_is_named_if_it_is_known() -> None:
    """The home can check that the sensor is the one on the box; an unknown one is read all the same."""
    known, unknown = (heard(f"5050{device}03{ADDRESS}{WARM}") for device in (THERMOMETER, "ffff"))

    assert (known.product, unknown.product) == ("LYWSD03MMC", None)
    assert known.readings == unknown.readings


def test_a_cut_frame_keeps_whole_objects_and_no_frame_counter() -> None:
    """The whole copy that follows must not be dropped as a repeat of the cut one."""
    frame = f"5050{THERMOMETER}03{ADDRESS}{WARM}{HUMID}"
    whole = heard(frame)

    assert (said(whole), whole.repeat) == ({"temperature": 24.4, "humidity": 46.7}, 3)
    for length in range(0, len(frame), 2):
        cut = heard(frame[:length])
        assert cut.readings == whole.readings[: len(cut.readings)]
        assert cut.repeat is None or length == len(frame) - len(HUMID)
        assert cut.status is not Status.DECODED or cut.readings


def test_a_cut_encrypted_frame_says_nothing() -> None:
    """Its tag covers all of it."""
    frame = sealed(reading("mibeacon", "temperature", 24.4, -1), reading("mibeacon", "humidity", 46.7, -1))

    assert said(heard(frame, KEY)) == {"temperature": 24.4, "humidity": 46.7}
    assert [length for length in range(len(frame)) if heard(frame[:length], KEY).readings] == []


def test_the_encryption_counter_continues_the_frame_counter() -> None:
    """The low byte is in the header, the other three behind the ciphertext."""
    frame = sealed(reading("mibeacon", "battery", 50), counter=0x01020304)
    outcome = heard(frame, KEY)

    assert (outcome.counter, outcome.repeat, outcome.proven) == (0x01020304, 0x04, True)
    assert frame[-7:-4] == bytes.fromhex("030201")


@pytest.mark.parametrize(
    ("key", "sender", "status", "reason"),
    [
        (None, SENDER, Status.NEEDS_KEY, Reason.NO_KEY),
        (KEY[:-1], SENDER, Status.NEEDS_KEY, Reason.BAD_KEY),
        (KEY[:12], SENDER, Status.NEEDS_KEY, Reason.BAD_KEY),
        (KEY[::-1], SENDER, Status.WRONG_KEY_OR_CORRUPT, Reason.WRONG_KEY),
        (KEY, "", Status.REJECTED, Reason.ADDRESS_UNKNOWN),
    ],
    ids=["none", "too short", "that of an old version", "wrong", "sender not known"],
)
def test_an_encrypted_frame_needs_its_key_and_its_sender(
    key: bytes | None, sender: str, status: Status, reason: str
) -> None:
    """Each way to be without them has its own reason."""
    outcome = heard(sealed(reading("mibeacon", "battery", 50)), key, sender)

    assert (outcome.status, outcome.reason, outcome.readings) == (status, reason, ())


def test_a_sensor_with_a_key_is_not_believed_in_the_clear() -> None:
    """It never speaks so: somebody else does."""
    outcome = heard(f"5050{THERMOMETER}03{ADDRESS}{WARM}", KEY)

    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.NOT_ENCRYPTED)


def test_an_old_encrypted_frame_is_read_and_never_counts_as_proven() -> None:
    """Without a tag, whatever decrypts into an object passes: it must not move a replay guard."""
    short = heard(LEGACY, LEGACY_KEY, LEGACY_SENDER)
    completed = heard(LEGACY, LEGACY_KEY[:6] + bytes.fromhex("8d3d3c97") + LEGACY_KEY[6:], LEGACY_SENDER)

    assert (said(short), short.proven, short.counter, short.repeat) == ({"dimmer": -1}, False, None, 0x36)
    assert completed == short


def test_an_old_encrypted_frame_with_a_wrong_key_or_cut_says_nothing() -> None:
    """What comes out is no object of a known id and length."""
    wrong = [bytes((byte,)) + LEGACY_KEY[1:] for byte in range(256) if byte != LEGACY_KEY[0]]

    assert {heard(LEGACY, key, LEGACY_SENDER).reason for key in wrong} == {Reason.WRONG_KEY}
    for length in range(0, len(LEGACY), 2):
        assert heard(LEGACY[:length], LEGACY_KEY, LEGACY_SENDER).readings == ()


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("bf07", {"button": "press"}),
        ("5301", {"button_brightness": "press"}),
        ("bf03", {"button_fan": "press"}),
        ("6915", {"button_left": "press", "button_right": "press"}),
        ("fd0d", {"button_right": "press"}),
    ],
    ids=["YLAI003", "YLYK01YL", "YLYB01YL-BHFRC", "K9B-2BTN", "K9B-3BTN"],
)
def test_a_button_means_what_its_product_means_by_it(device: str, expected: dict[str, object]) -> None:
    """The same bytes are another key of another remote control."""
    assert said(heard(f"5050{device}03{ADDRESS}011003020000")) == expected


def test_an_object_of_another_product_or_length_is_passed_over() -> None:
    """A door state that only the safe sends is not guessed at; what comes behind it still counts."""
    other = heard(f"5050{THERMOMETER}03{ADDRESS}0f100101{WARM}")
    longer = heard(f"5050{THERMOMETER}03{ADDRESS}0a10020102{WARM}")

    assert (said(other), other.reason) == ({"temperature": 24.4}, Reason.UNKNOWN_OBJECT)
    assert (said(longer), longer.reason) == ({"temperature": 24.4}, Reason.WRONG_LENGTH)


def test_an_empty_object_is_a_press_but_no_state() -> None:
    """A button needs no value to be pressed; a battery without one says nothing."""
    assert said(heard(f"50500b5203{ADDRESS}0d5600")) == {"button": "double_press"}
    assert heard(f"50500b5203{ADDRESS}0a1000").readings == ()


@pytest.mark.parametrize(
    ("true", "expected"),
    [(26.1, 26.1), (-7.3, -7.3), (19.95, 20.0), (0.04, 0.0), (float("nan"), None), (float("inf"), None)],
)
def test_a_binary_float_is_rounded_to_what_its_product_shows(true: float, expected: float | None) -> None:
    """26.1 comes as 26.100000381; what is no number is no reading."""
    outcome = heard(f"5050421603{ADDRESS}014804{struct.pack('<f', true).hex()}")

    assert said(outcome) == ({} if expected is None else {"temperature": expected})


@pytest.mark.parametrize(
    "frame",
    [
        "5050f607030f0003640000",
        "5050b60303011003fe0004",
        "50509e06030b000920020001807c442f61",
        "50509e06030b0009b4ffffffff7c442f61",
        "5050390e0307000104",
        "5050830a031710043c000000",
        "50504919030c4e0103",
        "50500b52030c5600",
        "5050d53b03166e0901eb12c44d00000000",
        "5050161203014804cdccd041",
    ],
    ids=[
        "motion and light",
        "dimmer",
        "lock",
        "lock by somebody unknown",
        "door pried",
        "no motion",
        "two buttons",
        "empty",
        "scale",
        "float",
    ],
)
def test_what_is_decoded_can_be_sent_again_by_a_product_that_says_it(frame: str) -> None:
    """A simulated sensor takes the device type that has the objects; kinds that follow from others come along."""
    readings = heard(f"{frame[:10]}{ADDRESS}{frame[10:]}").readings
    assert readings

    for key in (None, KEY):
        again = CATALOGUE.decode(encode("mibeacon", SENDER, readings, repeat=9, key=key, counter=9), key)
        assert sorted(again.readings, key=repr) == sorted(readings, key=repr)


def test_what_no_product_says_at_once_cannot_be_sent() -> None:
    """One frame comes from one product."""
    with pytest.raises(EncodeError, match="mibeacon cannot send button_fan = press, button_plus = press"):
        encode(
            "mibeacon",
            SENDER,
            [reading("mibeacon", "button_fan", "press"), reading("mibeacon", "button_plus", "press")],
            repeat=1,
        )
