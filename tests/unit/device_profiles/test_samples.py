"""What a model can say at once, made from noise."""

from __future__ import annotations

from hashlib import sha256

import pytest

from device_profiles.catalogue import bundled_profiles
from device_profiles.model_file import parse_profile
from device_profiles.profile import extend
from device_profiles.samples import Body, Sample, bodies
from tests.helpers.model_texts import FRAMES, GATT, MEASURES, OBJECTS

SENDER = "A4:C1:38:CF:01:56"
NOISES = [sha256(bytes((seed,))).digest() for seed in range(256)]


def bodies_of(text: str) -> tuple[Body, ...]:
    """Of a model file."""
    return bodies(parse_profile(text, "test.toml"))


def plain(sample: Sample) -> dict[str, object]:
    """What it says, by kind."""
    return {reading.kind: reading.plain for reading in sample.readings}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (FRAMES, ["frames[0]"]),
        (GATT, ["characteristics[0]"]),
        (OBJECTS, ["objects[0]", "objects[1]"]),
        (MEASURES, ["objects[1]", "objects[2]", "objects[3]"]),
    ],
)
def test_there_is_a_body_for_all_that_can_be_said_at_once(text: str, places: list[str]) -> None:
    """A frame, a characteristic, an object with all its fields; a packet id alone says nothing."""
    assert [body.place for body in bodies_of(text)] == places


def test_fixed_bytes_are_set() -> None:
    """Whatever the noise, the frame is this frame: here the lowest bit of the temperature is 0."""
    (body,) = bodies_of(FRAMES)

    values = {plain(body.sample(noise, SENDER)).get("temperature") for noise in NOISES}

    assert all(round(float(str(value)) * 10) % 2 == 0 for value in values if value is not None)
    assert len(values) > 200


def test_a_frame_is_never_one_that_comes_before_it() -> None:
    """Bytes that are read as the first frame say nothing of the second."""
    first = '{ length = 3, match = [{ at = 2, mask = 0x40, equals = 0x40 }], fields = [{ kind = "other", type = "uint8" }] }'
    body = bodies_of(FRAMES.replace("frames = [", f"frames = [ {first},"))[1]

    levels = {plain(body.sample(noise, SENDER)).get("battery") for noise in NOISES} - {None}

    assert levels <= set(range(64))
    assert len(levels) > 32


def test_an_event_gets_a_code_that_there_is() -> None:
    """Few bytes are words; noise is bent to the nearest."""
    body = bodies_of(MEASURES)[1]

    assert {plain(body.sample(noise, SENDER))["button"] for noise in NOISES} == {"press"}


def test_a_text_is_of_any_length() -> None:
    """Also empty; what is no UTF-8 is left out."""
    body = bodies_of(MEASURES)[2]

    lengths = {len(str(plain(body.sample(noise, SENDER))["text"])) for noise in NOISES}

    assert min(lengths) == 0
    assert max(lengths) > 3


def test_flags_choose_the_fields_of_a_characteristic() -> None:
    """Each field is asked only where its flag says that it is there."""
    (body,) = bodies_of(GATT)

    assert plain(body.sample(b"\x00\x50\x02\x01", SENDER)) == {"heart_rate": 80}
    assert plain(body.sample(b"\x08\x50\x02\x01", SENDER)) == {"heart_rate": 80, "energy": 258}
    assert plain(body.sample(b"\x01\x50\x02", SENDER)) == {"heart_rate": 592}


def test_a_silent_field_makes_a_sample_less_than_whole() -> None:
    """Where a value is absent, the others are still said."""
    (body,) = bodies_of(FRAMES)

    assert body.sample(b"\x00\x02\x00\x7f", SENDER).whole is False
    assert plain(body.sample(b"\x00\x02\x00\x7f", SENDER)) == {"temperature": 0.2}
    assert body.sample(b"\x00\x02\x00\x7e", SENDER).whole is True


def test_what_another_file_describes_is_placed_there() -> None:
    """A dialect's own object has its place in its file, all else is its base's."""
    profiles = {profile.name: profile for profile in bundled_profiles()}
    dialect, base = profiles["shelly_blu"], profiles["bthome_v2"]

    places = [body.place for body in bodies(dialect, extend(dialect, base))]

    assert places.count("objects[0]") == 1
    assert set(places) == {"objects[0]", "extends"}


def test_an_encrypted_frame_is_only_said_encrypted() -> None:
    """What is fixed in the ciphertext cannot be asked of the plain bytes."""
    pvvx = next(profile for profile in bundled_profiles() if profile.name == "pvvx")

    assert [(body.sealed, body.block.size) for body in bodies(pvvx)] == [(False, 15), (True, 6)]
