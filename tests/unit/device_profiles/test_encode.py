"""What encoding refuses, and how it orders and fills a frame."""

from __future__ import annotations

import pytest

from device_profiles.advert import full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.encode import encode, reading
from device_profiles.errors import EncodeError, ProfileError
from device_profiles.reading import Form, Reading

CATALOGUE = Catalogue.load()
SENDER = "A4:C1:38:CF:01:56"
KEY = bytes(range(16))
THERMOMETER = [
    reading("pvvx", "temperature", 21.12),
    reading("pvvx", "humidity", 50.53),
    reading("pvvx", "voltage", 3.143),
    reading("pvvx", "battery", 100),
]


def payload(model: str, readings: list[Reading], **more: object) -> bytes:
    """The service data of an encoded advert, with packet id 9."""
    advert = encode(model, SENDER, readings, repeat=9, **more)  # type: ignore[arg-type]
    return next(iter(advert.service_data.values()))


def test_objects_stand_in_the_order_of_their_ids() -> None:
    """The format asks for ascending ids, whatever order the readings come in."""
    said = [reading("bthome_v2", "humidity", 50.55), reading("bthome_v2", "battery", 93)]

    assert payload("bthome_v2", said).hex() == "400009015d03bf13"


def test_the_third_button_stays_the_third() -> None:
    """Buttons before it say that nothing happened, because only the place tells them apart."""
    assert payload("bthome_v2", [reading("bthome_v2", "button_3", "press")]).hex() == "4000093a003a003a01"


def test_a_thermometers_frame_is_the_one_it_really_sends() -> None:
    """The encoder writes byte for byte what a real sensor sent (but for its flags)."""
    advert = encode("pvvx", SENDER, THERMOMETER, repeat=0xCC)

    assert advert.service_data == {full_uuid("181a"): bytes.fromhex("5601cf38c1a44008bd13470c64cc00")}


def test_a_dialect_is_recognised_by_the_name_it_sends() -> None:
    """The simulated maker's sensor gives the name that its profile looks for."""
    advert = encode("shelly_blu", SENDER, [reading("shelly_blu", "button", "hold_press")], repeat=1)

    assert CATALOGUE.decode(advert).model == "shelly_blu"


def test_two_transmissions_of_one_value_look_different_when_encrypted() -> None:
    """Nobody who listens learns that a door is still closed."""
    said = [reading("bthome_v2", "door", value=False)]

    first = payload("bthome_v2", said, key=KEY, counter=1)
    second = payload("bthome_v2", said, key=KEY, counter=2)

    assert first[1:-8] != second[1:-8]


@pytest.mark.parametrize(
    ("model", "said", "words"),
    [
        ("bthome_v2", [Reading("mood", 1, 0, "", Form.NUMBER, urgent=False)], "has no kind mood"),
        (
            "bthome_v2",
            [Reading("temperature", 20, 3, "°C", Form.NUMBER, urgent=False)],
            "cannot send temperature",
        ),
        ("bthome_v2", [Reading("temperature", 40000, -2, "°C", Form.NUMBER, urgent=False)], "= 400.0 °C"),
        ("bthome_v2", [Reading("motion", 1, 0, "", Form.NUMBER, urgent=False)], "cannot send motion"),
        (
            "bthome_v2",
            [Reading("temperature_2", 20, 0, "°C", Form.NUMBER, urgent=False)],
            "without those before",
        ),
        ("bthome_v2", [reading("bthome_v2", "battery", 9)] * 2, "in this order"),
        (
            "bthome_v2",
            [Reading("firmware_version", "1", 0, "", Form.TEXT, urgent=False)],
            "firmware_version = 1",
        ),
        ("bthome_v2", [Reading("raw", "zz", 0, "", Form.TEXT, urgent=False)], "raw = zz"),
        ("pvvx", THERMOMETER[:3], "voltage = 3.143 V"),
        ("pvvx", [*THERMOMETER, THERMOMETER[0]], "battery = 100 %, temperature = 21.12 °C"),
        ("heart_rate", [reading("heart_rate", "heart_rate", 80)], "over a connection, not in adverts"),
    ],
)
def test_what_a_model_cannot_send_is_an_error(model: str, said: list[Reading], words: str) -> None:
    """Nothing is left out or bent to fit without a word."""
    with pytest.raises(EncodeError, match=words):
        encode(model, SENDER, said, repeat=1)


def test_an_unknown_model_cannot_be_encoded() -> None:
    """A wrong model name is an error of ours, not a KeyError."""
    with pytest.raises(ProfileError, match="There is no model nothing"):
        encode("nothing", SENDER, [], repeat=1)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"key": b"short"}, "16 bytes, not 5"), ({"counter": 2**32}, "32 bits"), ({"counter": -1}, "32 bits")],
)
def test_a_key_or_counter_of_the_wrong_size_is_an_error(more: dict[str, object], words: str) -> None:
    """A mistake of ours is told in a sentence before any byte is made."""
    with pytest.raises(EncodeError, match=words):
        payload("bthome_v2", [], **more)
