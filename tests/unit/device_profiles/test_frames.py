"""Fixed frames: which of them a payload is, what it then says, and what can be sent as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.advert import Advert, full_uuid
from device_profiles.errors import EncodeError
from device_profiles.frames import Frames
from device_profiles.model_file import parse_profile
from device_profiles.outcome import Outcome, Reason, Status
from device_profiles.reading import Form, Reading

SENDER = "A4:C1:38:CF:01:56"
BEACON = bytes.fromhex("4c000215494e54454c4c49")

PACKED = """
recognise = [{ company_id = 0xEC88 }]
frames = [
  { length = 4, byte_order = "big", match = [{ at = 3, mask = 0x80 }], followed_by = "4c000215", fields = [
    { kind = "temperature", type = "uint24", at = 0, mask = 0x7FFFFF, divide = 1000, sign = 0x800000, exponent = -1, when = { at = 0, mask = 0x70 } },
    { kind = "humidity", type = "uint24", at = 0, mask = 0x7FFFFF, modulo = 1000, exponent = -1, when = { at = 0, mask = 0x70 } },
    { kind = "battery", type = "uint8", at = 3, mask = 0x7F },
  ] },
  { length = 4, match = [{ at = 3, mask = 0x80, equals = 0x80 }], fields = [
    { kind = "battery", type = "uint8", at = 3, mask = 0x7F },
  ] },
]
"""
NO_ID = """
recognise = [{ name = "sps" }]
frames = [
  { length = 3, source = "company_and_data", fields = [
    { kind = "temperature", type = "int16", exponent = -2 },
    { kind = "battery", type = "uint8" },
  ] },
]
"""
PARTS = """
recognise = [{ service_data = "fd3d" }, { company_id = 0x0969 }]
frames = [
  { length = 1, source = "service_data", fields = [{ kind = "battery", type = "uint8" }] },
  { length = 2, source = "manufacturer_data", fields = [
    { kind = "battery", type = "uint8" },
    { kind = "motion", type = "boolean" },
  ] },
]
"""
ADDRESSED = """
recognise = [{ company_id = 0x0000 }]
frames = [
  { length = 7, fields = [{ type = "address", role = "skip" }, { kind = "battery", type = "uint8" }] },
]
"""


def frames(body: str) -> Frames:
    """A model with these frames."""
    head = 'name = "model"\ntitle = "A model"\nlayout = "frames"\nsource = "here"\nrepeat = "payload"\n'
    rows = 'liveness.default = "event-only"\ntime_resolution_ms.default = 1000\n'
    return Frames(parse_profile(head + rows + body, "model.toml"))


def heard(makers: dict[int, bytes], service: bytes | None = None, address: str = SENDER) -> Advert:
    """An advert with these payloads of makers, and perhaps one of a service."""
    return Advert(address, None, (), {} if service is None else {full_uuid("fd3d"): service}, makers, -60, 0)


def packed(hexed: str) -> Outcome:
    """What a payload of the packed model says."""
    return frames(PACKED).decode(heard({0xEC88: bytes.fromhex(hexed)}), None)


def number(kind: str, value: int, exponent: int = 0) -> Reading:
    """A reading without a unit."""
    return Reading(kind, value, exponent, "", Form.NUMBER, urgent=False)


def told(outcome: Outcome) -> dict[str, int | float | bool | str]:
    """Its readings, by kind."""
    return {reading.kind: reading.plain for reading in outcome.readings}


def test_two_numbers_are_read_from_one() -> None:
    """A quotient and a remainder stand in the same bytes, with one sign for the first."""
    assert told(packed("034db264")) == {"temperature": 21.6, "humidity": 49.8, "battery": 100}
    assert told(packed("80ca6f5f")) == {"temperature": -5.1, "humidity": 82.3, "battery": 95}


def test_fixed_bits_tell_frames_of_one_length_apart() -> None:
    """The frame whose bits are there is read: of a failed sensor the battery alone."""
    assert told(packed("034db2e4")) == {"battery": 100}


def test_a_field_whose_condition_fails_says_nothing() -> None:
    """A marker in some of its bits means that nothing was measured."""
    assert told(packed("4a002832")) == {"battery": 50}


@pytest.mark.parametrize(
    ("more", "whole"),
    [
        (b"", True),
        (BEACON, True),
        (BEACON[:4], True),
        (BEACON[:3], False),
        (b"\x4c", False),
        (b"\x00" * 11, False),
    ],
    ids=["alone", "followed", "followed, cut short", "followed by too little", "by one byte", "by others"],
)
def test_what_hosts_leave_behind_a_frame_is_no_part_of_it(more: bytes, *, whole: bool) -> None:
    """The beacon run together with a frame is left out; anything else makes it another frame."""
    outcome = packed("034db264" + more.hex())

    assert outcome.reason == (None if whole else Reason.WRONG_LENGTH)
    assert bool(outcome.readings) is whole


def test_an_id_that_is_none_belongs_to_the_frame() -> None:
    """Where a maker puts its reading in place of the company id, both together are read."""
    outcome = frames(NO_ID).decode(heard({0xFF9C: b"\x64"}), None)

    assert told(outcome) == {"temperature": -1.0, "battery": 100}


def test_two_payloads_that_both_fit_are_believed_neither() -> None:
    """A host that keeps old payloads gives no way to tell which is the last."""
    outcome = frames(NO_ID).decode(heard({0x0A66: b"\x64", 0x0A67: b"\x64"}), None)

    assert (outcome.status, outcome.reason, outcome.readings) == (Status.REJECTED, Reason.AMBIGUOUS, ())


def test_a_payload_that_does_not_fit_is_in_nobodys_way() -> None:
    """Another maker's payload in the same advert is none of ours."""
    outcome = frames(NO_ID).decode(heard({0x004C: BEACON, 0x0A66: b"\x64"}), None)

    assert told(outcome) == {"temperature": 26.62, "battery": 100}


def test_the_second_part_tells_what_the_first_has_not() -> None:
    """An advert may have a frame of a service and one of a maker; what both tell counts once."""
    outcome = frames(PARTS).decode(heard({0x0969: b"\x32\x01"}, b"\x33"), None)

    assert told(outcome) == {"battery": 51, "motion": True}


def test_a_part_that_is_not_believed_condemns_the_other() -> None:
    """Half of an advert that has been tampered with is not worth more than the other half."""
    outcome = frames(PARTS).decode(heard({0x0969: b"\x32\x02"}, b"\x33"), None)

    assert (outcome.status, outcome.reason, outcome.readings) == (Status.REJECTED, Reason.BAD_VALUE, ())


def test_the_service_data_decides_whose_an_advert_is() -> None:
    """A fitting payload of a maker does not make up for service data that does not fit."""
    assert frames(PARTS).claims(heard({0x0969: b"\x32\x01"}))
    assert not frames(PARTS).claims(heard({0x0969: b"\x32\x01"}, b"\x33\x33"))


@pytest.mark.parametrize(
    ("address", "reason"),
    [(SENDER, None), ("", None), ("A4:C1:38:CF:01:57", Reason.ADDRESS_MISMATCH)],
    ids=["its sender", "not known", "another"],
)
def test_an_address_in_a_frame_is_its_senders(address: str, reason: str | None) -> None:
    """A frame that names another sender than the radio did is not believed; where that is unknown, it is."""
    data = bytes.fromhex(SENDER.replace(":", ""))[::-1] + b"\x64"

    assert frames(ADDRESSED).decode(heard({0: data}, address=address), None).reason == reason


@given(
    temperature=st.integers(-1047, 1047),
    humidity=st.integers(0, 999),
    battery=st.integers(0, 127),
)
def test_numbers_that_share_bytes_are_sent_together(temperature: int, humidity: int, battery: int) -> None:
    """What is packed into a sum of two numbers is taken out of it again."""
    said = [
        number("temperature", temperature, -1),
        number("humidity", humidity, -1),
        number("battery", battery),
    ]

    advert = frames(PACKED).encode(said, SENDER, repeat=1, key=None, counter=0)

    assert list(frames(PACKED).decode(advert, None).readings) == said


def test_what_was_not_measured_is_not_sent() -> None:
    """Fields that are given nothing get their condition unmet, or another frame is chosen."""
    advert = frames(PACKED).encode([number("battery", 50)], SENDER, repeat=1, key=None, counter=0)

    assert told(frames(PACKED).decode(advert, None)) == {"battery": 50}


@pytest.mark.parametrize(
    "said",
    [
        [
            number("temperature", 216, -1),
            number("battery", 50),
        ],  # the humidity shares its bytes and condition
        [number("temperature", 216, -2), number("humidity", 500, -1), number("battery", 50)],
        [number("temperature", 1048, -1), number("humidity", 999, -1), number("battery", 50)],
        [number("battery", 50), number("battery", 50)],
        [number("battery", 128)],
    ],
    ids=["one of two", "another resolution", "into the marker", "one twice", "beyond its bits"],
)
def test_what_no_frame_can_say_is_an_error(said: list[Reading]) -> None:
    """Nothing is sent that would be understood as something else."""
    with pytest.raises(EncodeError, match="model cannot send"):
        frames(PACKED).encode(said, SENDER, repeat=1, key=None, counter=0)


def test_a_reading_in_place_of_the_id_is_sent_there() -> None:
    """The simulated sensor's company id is what the real one's is."""
    said = [number("temperature", -100, -2), number("battery", 100)]

    advert = frames(NO_ID).encode(said, SENDER, repeat=1, key=None, counter=0)

    assert advert.manufacturer_data == {0xFF9C: b"\x64"}
