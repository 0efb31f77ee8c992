"""Proving a profile: what is wrong with its known answers, its cuts and its encoding is said in words."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue
from device_profiles.model_file import parse_profile
from device_profiles.outcome import Outcome, Status
from device_profiles.profile import Profile, Vector, VectorReading
from device_profiles.prove import cuts, heard_of, shortcomings, wrong_answer
from device_profiles.reading import Flag, Form, Reading
from tests.helpers.model_texts import FRAMES, GATT, MEASURES

WARM = Reading("temperature", 2506, -2, "°C", Form.NUMBER, urgent=False)
GOOD = Vector("a", "4002ca09", "decoded", (VectorReading("temperature", 25.06, "°C"),))


def proved(text: str, *more: Profile) -> list[tuple[str, str]]:
    """What a model file gets wrong beside others."""
    profile = parse_profile(text, "test.toml")
    return list(shortcomings(Catalogue([profile, *more]), profile))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(Status.DECODED, "m", (WARM,)), ""),
        (Outcome(Status.DECODED, "m", (WARM,), repeat=7), '"a" gives repeat 7 instead of None'),
        (Outcome(Status.DECODED, "m", (WARM,), counter=7), '"a" gives counter 7 instead of None'),
        (
            Outcome(Status.REJECTED, "m", (), "truncated"),
            (
                '"a" gives status rejected instead of decoded; reason truncated instead of None; '
                "nothing instead of temperature = 25.06 °C"
            ),
        ),
        (
            Outcome(Status.DECODED, "m", (replace(WARM, value=2507),)),
            '"a" gives temperature = 25.07 °C instead of temperature = 25.06 °C',
        ),
        (
            Outcome(Status.DECODED, "m", (replace(WARM, flags=Flag.IMPLAUSIBLE),)),
            '"a" gives temperature = 25.06 °C (implausible) instead of temperature = 25.06 °C',
        ),
        (
            Outcome(Status.DECODED, "m", (replace(WARM, unit="K"),)),
            '"a" gives temperature = 25.06 K instead of temperature = 25.06 °C',
        ),
    ],
)
def test_a_wrong_answer_is_told_beside_the_right_one(outcome: Outcome, words: str) -> None:
    """Whoever mends a model sees what came and what should have come."""
    assert wrong_answer(GOOD, outcome) == words


def test_yes_is_not_the_number_one() -> None:
    """A door that should be open and is 1 has the wrong type, although Python thinks them equal."""
    door = Reading("door", 1, 0, "", Form.NUMBER, urgent=True)
    wanted = Vector("a", "", "decoded", (VectorReading("door", value=True),))

    assert wrong_answer(wanted, Outcome(Status.DECODED, "m", (door,))) == (
        '"a" gives door = 1 instead of door = true'
    )


def test_a_payload_stands_where_the_model_is_recognised() -> None:
    """By service data, by company, or where the vector itself says."""
    by_service = parse_profile(FRAMES, "test.toml")
    by_company = msgspec.structs.replace(
        by_service,
        recognise=(msgspec.structs.replace(by_service.recognise[0], service_data=None, company_id=9),),
    )
    vector = msgspec.structs.replace(GOOD, payload="01", manufacturer_data={"0x0010": "02"})

    in_service, in_maker = heard_of(by_service, vector), heard_of(by_company, vector)

    assert isinstance(in_service, Advert)
    assert isinstance(in_maker, Advert)
    assert (in_service.service_data, in_service.manufacturer_data) == (
        {full_uuid("1234"): b"\1"},
        {16: b"\2"},
    )
    assert (in_maker.service_data, in_maker.manufacturer_data) == ({}, {9: b"\1", 16: b"\2"})
    given = msgspec.structs.replace(vector, service_data={"1234": "07"})
    assert heard_of(by_service, given) == heard_of(by_service, msgspec.structs.replace(given, payload="07"))
    assert heard_of(by_service, msgspec.structs.replace(vector, characteristic="2a19")) == b"\1"


def test_every_shorter_payload_is_a_cut_each_on_its_own() -> None:
    """An advert of two payloads is cut in one of them at a time; a value is only shorter."""
    advert = Advert("", None, (), {"s": b"\1\2"}, {7: b"\3"}, -60, 1)

    left = [
        (words, dict(cut.service_data), dict(cut.manufacturer_data))
        for words, cut in cuts(advert)
        if isinstance(cut, Advert)
    ]

    assert left == [
        ("0 bytes of service data", {"s": b""}, {7: b"\3"}),
        ("1 bytes of service data", {"s": b"\1"}, {7: b"\3"}),
        ("0 bytes of the maker's data", {"s": b"\1\2"}, {7: b""}),
    ]
    assert list(cuts(b"\1\2")) == [("0 bytes", b""), ("1 bytes", b"\1")]


def test_a_good_profile_has_no_shortcomings() -> None:
    """Known answers of both kinds, all given."""
    assert proved(MEASURES) == []


def test_a_profile_needs_known_answers_of_both_kinds() -> None:
    """What nobody has checked is not believed, and what must be refused is checked too."""
    alone = MEASURES[: MEASURES.index("vectors")]
    refusing = MEASURES.replace('  { title = "b"', '#  { title = "b"')

    assert [words for _, words in proved(alone)] == [
        "Give it known answers: `vectors`, with bytes that its sensors really sent"
    ]
    assert proved(refusing) == [
        ("vectors", "give it known answers that say nothing too, such as a frame cut by one byte")
    ]


def test_a_wrong_known_answer_has_its_place() -> None:
    """The vector is named by its number, for its line."""
    assert proved(MEASURES.replace("25.06", "25.6")) == [
        ("vectors[0]", '"a" gives temperature = 25.06 instead of temperature = 25.6')
    ]


def test_a_frame_that_passes_for_another_when_cut_is_found() -> None:
    """Two frames of one service, the longer one's beginning a whole shorter one with other places."""
    longer = FRAMES.replace(
        "frames = [",
        """frames = [
          { length = 5, fields = [
            { type = "uint16", role = "skip" },
            { kind = "temperature", type = "int16" },
            { kind = "battery", type = "uint8" },
          ] },""",
    )
    vector = '{ title = "long", payload = "0000070009", status = "decoded", readings = ['
    vector += (
        '{ kind = "temperature", value = 7 }, { kind = "battery", value = 9, flags = ["battery-low"] }] },'
    )

    told = [words for _, words in proved(longer.replace("vectors = [", f"vectors = [{vector}"))]

    assert told[0] == (
        "cut to 3 bytes of service data, it says temperature = 0.0, battery = 7, which the whole does not"
    )


def test_who_takes_it_for_another_model_is_found() -> None:
    """An advert that a more particular model claims is not this one's."""
    other = parse_profile(
        MEASURES.replace('"thing"', '"other"', 1).replace('name_prefix = "thing"', 'name = "thing"'),
        "other.toml",
    )
    first = MEASURES.replace('name_prefix = "thing"', "company_id = 7").replace(
        'local_name = "thing"', 'local_name = "thing", manufacturer_data = { 0x0007 = "" }'
    )
    hidden = MEASURES.replace(', name_prefix = "thing"', "")

    assert proved(first, other) == []
    assert ("vectors[0]", "whoever is not told the model takes it for other's") in proved(hidden, other)


def test_what_is_refused_but_read_by_another_is_found() -> None:
    """A frame that must say nothing says something to whoever is not told the model."""
    other = parse_profile(FRAMES.replace('"1234"', '"fcd2"'), "other.toml")
    bad = MEASURES.replace('"4002ca", local_name = "thing"', '"4002ca"')

    assert proved(bad, other) == [
        ("vectors[1]", "whoever is not told the model reads temperature = 57.6, battery = 74 from it")
    ]


def test_readings_that_do_not_survive_encoding_are_found() -> None:
    """Two fields of one place cannot both say what they like."""
    double = FRAMES.replace(
        '{ kind = "battery", type = "uint8",',
        '{ at = 0, kind = "other", type = "int16", absent = [1] }, { at = 2, kind = "battery", type = "uint8",',
    )

    assert [place for place, words in proved(double) if "cannot be encoded" in words] == ["frames[0]"]


def test_a_characteristic_is_proved_as_an_advert_is() -> None:
    """Its flags choose the fields; each choice is encoded and decoded."""
    refused = (
        '{ title = "b", payload = "00", characteristic = "2a37", status = "rejected", reason = "truncated" },'
    )
    good = GATT.replace("vectors = [", f"vectors = [{refused}")

    assert proved(good) == []
    assert proved(good.replace('"0050"', '"0051"')) == [
        ("vectors[1]", '"a" gives heart_rate = 81 instead of heart_rate = 80')
    ]
