"""Reading model files: every mistake is one sentence with its line."""

from __future__ import annotations

import re

import pytest

from device_profiles.errors import ProfileError
from device_profiles.model_file import Mistake, mistakes, parse_profile
from tests.helpers.model_texts import FRAMES, GATT, MEASURES, OBJECTS


@pytest.mark.parametrize("text", [FRAMES, MEASURES, OBJECTS, GATT])
def test_a_good_file_has_no_mistakes(text: str) -> None:
    """The examples that the others spoil are good themselves."""
    assert mistakes(text) == []
    assert parse_profile(text, "good.toml").recognise


WRONG_SHAPES = [
    (FRAMES, 'name = "thermo"', "name = ", 1, "This is no TOML: Invalid value"),
    (FRAMES, 'title = "A thermometer"\n', "", 0, "`title` is missing"),
    (FRAMES, 'title = "A thermometer"', 'title = "A"\ncolour = "red"', 3, "there is no key `colour`."),
    (FRAMES, 'title = "A thermometer"', "title = 5", 2, "In `title`: expected `str`, got `int`"),
    (
        FRAMES,
        '{ kind = "temp',
        '{ kinds = "temp',
        12,
        "In `frames[0].fields[0].kinds`: there is no key `kinds` (`kind`?)",
    ),
    (FRAMES, "at = 0,", "on = 0,", 11, "there is no key `on`"),
    (FRAMES, 'layout = "frames"', 'layout = "heap"', 3, "'heap' is not among bthome_v1, bthome_v2, mibeacon"),
    (FRAMES, '"int16"', '"int17"', 12, "'int17' is not among uint8"),
    (
        FRAMES,
        'recognise = [{ service_data = "1234" }]',
        "recognise = {}",
        6,
        "In `recognise`: expected `array`",
    ),
    (
        FRAMES,
        'recognise = [{ service_data = "1234" }]',
        "recognise = [3]",
        6,
        "In `recognise[0]`: expected a table",
    ),
    (FRAMES, "liveness.default = ", "liveness.battery = 5 # ", 7, "In `liveness`: expected `str`, got `int`"),
    (FRAMES, '[{ kind = "battery",', "[{", 17, "`kind` is missing"),
    (FRAMES, "frames = [", "frames = " + "[" * 2000, 0, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "old", "new", "line", "words"), WRONG_SHAPES)
def test_a_wrong_key_or_value_is_named_with_its_line(
    text: str, old: str, new: str, line: int, words: str
) -> None:
    """An engineer who adds a model is told where to look, and what could stand there."""
    assert_told(text, old, new, line, words)


FAULTS = [
    (FRAMES, '"thermo"', '"Thermo"', 1, "in lower case with underscores"),
    (FRAMES, 'service_data = "1234"', 'name_prefix = "T"', 6, "needs `service_data`, `company_id`"),
    (FRAMES, '"1234"', '"12345"', 6, '"12345" is neither four hex digits nor a whole UUID'),
    (FRAMES, 'service_data = "1234"', "company_id = 65536", 6, "a company id has 16 bits"),
    (FRAMES, '"periodic 60 s"', '"now and then"', 7, '"now and then" is no contract'),
    (FRAMES, "liveness.default", "liveness.battery", 7, "`liveness.default` is missing"),
    (FRAMES, "liveness.default", 'liveness.tempature = "event-only"\nliveness.default', 7, "no kind tempature"),
    (FRAMES, "time_resolution_ms.default", "time_resolution_ms.battery", 8, "`time_resolution_ms.default`"),
    (FRAMES, "default = 1000", "default = 0", 8, "it is above 0"),
    (FRAMES, '"battery", low', '"voltage", low', 9, "it has no kind voltage"),
    (FRAMES, "low = 10", "low = inf", 9, "it is a number"),
    (FRAMES, "frames = [", "objects = [", 11, "there is no key `match`"),
    (FRAMES, 'layout = "frames"', 'layout = "bthome_v2"', 0, '"bthome_v2" has `objects` and nothing else'),
    (FRAMES, "length = 3", "length = 2", 11, "its fields reach to byte 3, but it has 2"),
    (FRAMES, "length = 3", "length = 300", 11, "from 1 to 254 bytes"),
    (FRAMES, "length = 3", 'length = 3, encryption = "pvvx"', 11, "reach to byte 3, but it has -2"),
    (FRAMES, "length = 3", 'length = 3, followed_by = "zz"', 11, "it is not written in hex"),
    (FRAMES, "at = 0,", "at = 3,", 11, "there is no byte 3 within the 3"),
    (FRAMES, "mask = 0x01,", "mask = 0,", 11, "one byte and has at least one bit"),
    (FRAMES, "equals = 0x00", "equals = 0x02", 11, "masked with 0x01 never equals 0x02"),
    (FRAMES, "frames = [", "frames = [{ length = 1, fields = [] }, { length = 1, fields = [] },", 10, "are frames[0]"),
    (FRAMES, 'kind = "temperature"', 'kind = "Temperature"', 12, "needs a `kind` in lower case"),
    (FRAMES, '"int16"', '"event"', 12, 'type "event" needs `codes`'),
    (FRAMES, '"int16"', '"int16", codes = { 1 = "a" }', 12, 'only fields of type "event" and "boolean"'),
    (FRAMES, '"int16"', '"boolean", codes = { 1 = "a" }', 12, "a boolean's are true or false"),
    (FRAMES, '"int16"', '"boolean", codes = { 256 = true }', 12, "a code is from 0 to 255"),
    (FRAMES, '"int16"', '"text"', 12, 'has no room for "text"'),
    (FRAMES, '"int16"', '"int16", mask = 3', 12, "`mask` goes with an unsigned type"),
    (FRAMES, '"int16"', '"int16", divide = 10', 12, "`divide` goes with an unsigned type"),
    (FRAMES, '"int16"', '"uint16", mask = 0x10000', 12, "all within 2 bytes"),
    (FRAMES, '"int16"', '"uint16", sign = 0x8000', 12, "none of those of `mask`"),
    (FRAMES, '"int16"', '"int16", absent = [65535]', 12, "the raw value is from -32768 to 32767"),
    (FRAMES, "absent = [127]", "absent = [255]", 13, "the raw value is from 0 to 127"),
    (FRAMES, '"int16"', '"sfloat", scale = 2', 12, 'type "sfloat" has no `scale`'),
    (FRAMES, '"int16"', '"boolean", divide = 2', 12, 'type "boolean" has no `divide`'),
    (FRAMES, "exponent = -1", "scale = 0", 12, "`scale` is above 0"),
    (FRAMES, "exponent = -1", "exponent = 99", 12, "from -12 to 12"),
    (FRAMES, "least = -40", "least = 81", 12, "`least` is above `most`"),
    (FRAMES, "least = -40", "least = nan", 12, "`least` and `most` are numbers"),
    (FRAMES, '"int16", exponent = -1', '"address"', 12, 'type "address" has no limits'),
    (FRAMES, '"int16"', '"int16", role = "repeat"', 12, 'role "repeat" is an unsigned integer'),
    (FRAMES, '"int16"', '"int16", at = -1', 12, "byte 0 or behind it"),
    (FRAMES, '"int16"', '"int16", many = true', 12, 'the layout "frames" knows no `many`'),
    (FRAMES, '"int16"', '"int16", when = { at = 3 }', 11, "asks for byte 3, which it has not"),
    (FRAMES, '"int16"', '"int16", when = { at = 3, mask = 256 }', 12, "a `mask` is one byte"),
    (FRAMES, "length = 3", 'length = 3, source = "manufacturer_data"', 0, ""),
    (FRAMES.replace("service_data", "service"), "length = 3", 'length = 3, source = "service_data"', 11, "names no `service_data`"),
    (FRAMES, '"000000"', '"00000"', 17, "In `vectors[0].payload`: it is not written in hex"),
    (FRAMES, '"000000"', '"000000", key = "k"', 17, "In `vectors[0].key`: it is not written in hex"),
    (FRAMES, '"000000"', '"000000", manufacturer_data = { acme = "00" }', 17, "a company id is written"),
    (FRAMES, '"000000"', '"000000", service_data = { 181a = "0" }', 17, "In `vectors[0].service_data.181a`"),
    (FRAMES, '"000000"', '"000000", address = "a4c1"', 17, "an address is written"),
    (FRAMES, '"000000"', '"000000", reason = "because"', 17, "the reasons are address-mismatch"),
    (FRAMES, '"000000"', '"000000", characteristic = "2a19"', 17, "the model has no characteristics"),
    (FRAMES, 'status = "decoded"', 'status = "good"', 17, "the statuses are decoded"),
    (FRAMES, 'status = "decoded"', 'status = "rejected"', 17, '"decoded" has readings, and nothing else has'),
    (FRAMES, "value = 0 }", 'value = 0, flags = ["odd"] }', 17, "the flags are plain"),
    (FRAMES, 'recognise = [{ service_data = "1234" }]', "", 17, "`recognise` does not say where"),
    (OBJECTS, "id = 0x1004", "id = 65536", 10, "an id is from 0 to 0xffff"),
    (OBJECTS, "id = 0x1004, ", "", 10, "each of `objects` needs an `id`"),
    (OBJECTS, "length = 2", "length = 1", 0, ""),
    (OBJECTS.replace("length = 2", "length = 1"), "0x1004,", "0x1004, length = 1,", 10, "reach to byte 2, but it has 1"),
    (OBJECTS, "id = 0x1004", "id = 0x1004, length = 256", 10, "a length is from 0 to 255"),
    (OBJECTS, 'layout = "mibeacon"', 'layout = "bthome_v2"', 10, "an id is from 0 to 0xff"),
    (OBJECTS.replace("0x10", "0x").replace("length = 2, ", ""), "mibeacon", "bthome_v2", 12, "the id 0x05 is there twice"),
    (OBJECTS, '"int16"', '"text"', 10, 'has no room for "text"'),
    (GATT, 'service = "180d"', 'name = "P"', 6, "known by a `service` that it lists"),
    (GATT, '["2a37"]', '["2a38"]', 9, "the profile does not describe 2a38"),
    (GATT, "every_s = 60", "every_s = 0", 9, "`every_s` is above 0"),
    (GATT, ", stay_s = 30", "", 9, "2a37 is told by subscription"),
    (GATT, 'uuid = "2a37"', 'uuid = "2A37"', 11, "four hex digits"),
    (GATT, "characteristics = [\n", 'characteristics = [{ uuid = "2a37", fields = [] },\n', 11, "2a37 is there twice"),
    (GATT, "flags = true, ", "", 12, "a condition here is on the flags"),
    (GATT, "{ at = 0, mask = 0x01", "{ at = 1, mask = 0x01", 12, "a condition here is on the flags"),
    (GATT, '"uint8"', '"uint8", many = true', 12, "only the last field can be there many times"),
    (GATT, '"uint8"', '"address"', 12, "carries no address"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "line", "words"), FAULTS)
def test_what_makes_no_sense_is_named_with_its_line(
    text: str, old: str, new: str, line: int, words: str
) -> None:
    """A file that would be read, but never do what its writer meant, is not taken; no words: it is good."""
    assert_told(text, old, new, line, words)


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    """Nobody mends a file one message at a time."""
    text = FRAMES.replace("title =", "titel =", 1).replace("exponent = -1", "exponnet = -1, colour = 3")

    assert [(mistake.line, mistake.sentence) for mistake in mistakes(text)] == [
        (0, "`title` is missing."),
        (2, "In `titel`: there is no key `titel` (`title`?)."),
        (12, "In `frames[0].fields[0].exponnet`: there is no key `exponnet` (`exponent`?)."),
        (12, "In `frames[0].fields[0].colour`: there is no key `colour`."),
    ]


def test_a_file_that_cannot_be_used_is_an_error_with_its_name() -> None:
    """Who loads the models learns which file, which line, and what is wrong there."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(FRAMES.replace('"int16"', '"int17"'), "thermo.toml")

    assert str(caught.value).startswith("thermo.toml, line 12: In `frames[0].fields[0].type`: 'int17' is not")
    assert caught.value.hint


def test_a_text_that_is_cut_off_ends_on_its_last_line() -> None:
    """The parser gives no line for what is missing at the end."""
    assert mistakes('name = "a"\nframes = [') == [
        Mistake(2, "This is no TOML: Invalid value (at end of document).")
    ]


def assert_told(text: str, old: str, new: str, line: int, words: str) -> None:
    """The spoiled text has this mistake on this line, and nothing is said of another file than this."""
    assert old in text
    spoiled = text.replace(old, new, 1)

    found = mistakes(spoiled)

    assert [mistake for mistake in found if re.search(r"[^.]\.$", mistake.sentence) is None] == []
    if not words:
        assert found == []
        return
    assert next(mistake.line for mistake in found if words in mistake.sentence) == line, found
    with pytest.raises(ProfileError, match=r"thermo\.toml, line \d+: "):
        parse_profile(spoiled, "thermo.toml")
