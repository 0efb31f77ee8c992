"""Whatever is written in a model file: its mistakes are told, and what has none breaks nothing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, bundled_profiles
from device_profiles.check import check_model_file
from device_profiles.model_file import mistakes, parse_profile
from device_profiles.profile import Profile
from tests.helpers.model_texts import FRAMES, GATT, MEASURES, OBJECTS

_VALUE = re.compile(r'(?<== )(?:-?[0-9][0-9a-fA-Fx.]*|"[^"\n]*"|true|false)')
_KEY = re.compile(r"[a-z_.]+(?= = )")
_TYPES = (
    "uint8",
    "int24",
    "text",
    "hex",
    "event",
    "boolean",
    "float",
    "sfloat",
    "datetime",
    "steps",
    "address",
)
_WORDS = (
    "",
    *_TYPES,
    "repeat",
    "skip",
    "big",
    "mibeacon",
    "qingping",
    "bthome_v1",
    "gatt",
    "frames",
    "pvvx",
    "zz",
)
_NUMBERS = (-(1 << 70), -1, 0, 1, 2, 3, 7, 15, 127, 128, 255, 256, 0xFFFF, 0x10000, (1 << 32) - 1, 1 << 70)
_OTHERS = (
    "true",
    "nan",
    "-inf",
    "1.5",
    "[]",
    "[1]",
    "{}",
    "[{}]",
    "{ at = 1 }",
    "{ 1 = true }",
    "{ 300 = 'a' }",
)

texts = st.sampled_from([FRAMES, OBJECTS, GATT, MEASURES])
values = st.sampled_from([*(f'"{word}"' for word in _WORDS), *map(str, _NUMBERS), *_OTHERS])
more = st.sampled_from(
    [
        f"{key} = {value}"
        for key in ("mask", "sign", "divide", "modulo", "scale", "offset", "exponent", "at", "least", "most")
        for value in (-1, 0, 1, 3, 0x80, 0xFFFF, 1 << 70)
    ]
    + [
        "many = true",
        'role = "repeat"',
        'role = "skip"',
        "absent = [0]",
        "absent = [-1]",
        "when = { at = 1 }",
    ]
    + [
        'byte_order = "big"',
        "urgent = true",
        'codes = { 0 = "", 1 = "a" }',
        "codes = { 0 = true, 7 = false }",
    ]
)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A good model file with some values exchanged, keys renamed, or keys added to fields."""
    text = draw(texts)
    for way in draw(st.lists(st.sampled_from([_VALUE, _KEY, None]), min_size=1, max_size=4)):
        if way is None:
            text = re.sub(r'(type = "\w+")', rf"\1, {draw(more)}", text, count=draw(st.integers(1, 3)))
            continue
        spots = list(way.finditer(text))
        spot = draw(st.sampled_from(spots))
        other = draw(values if way is _VALUE else st.sampled_from([one[0] for one in spots]))
        text = text[: spot.start()] + other + text[spot.end() :]
    return text


@given(text=spoiled(), payload=st.binary(max_size=12))
def test_a_file_without_mistakes_breaks_nothing(text: str, payload: bytes) -> None:
    """Either its mistakes are told, each with its line, or its profile can be loaded and decodes any bytes."""
    found = mistakes(text)

    assert all(0 <= mistake.line <= text.count("\n") + 1 for mistake in found)
    if not found:
        profile = parse_profile(text, "spoiled")
        if profile.extends is None:
            hear(profile, payload)


@given(text=spoiled())
def test_any_file_can_be_checked(text: str) -> None:
    """Checking never ends in anything but sentences, each a whole one."""
    checked = check_model_file(text, "thermo", bundled_profiles)

    assert all(re.search(r"\w.*\.$", mistake.sentence, re.DOTALL) for mistake in checked.mistakes)


@given(text=st.text(max_size=60) | st.lists(st.sampled_from("[]{}=.,#\"'\\\n ab1"), max_size=30).map("".join))
def test_any_text_is_told_to_be_no_model(text: str) -> None:
    """Also what is no TOML, or TOML of something else."""
    assert mistakes(text)


def hear(profile: Profile, payload: bytes) -> None:
    """Decode the payload in every way that the profile may be recognised by, and as each characteristic."""
    catalogue = Catalogue([profile])
    for wanted in profile.recognise:
        services = {full_uuid(wanted.service_data): payload} if wanted.service_data else {}
        makers = {wanted.company_id: payload} if wanted.company_id is not None else {}
        listed = (full_uuid(wanted.service),) if wanted.service else ()
        name = wanted.name or wanted.name_prefix
        advert = Advert("A4:C1:38:CF:01:56", name, listed, services, makers, -60, 1)
        catalogue.decode(advert)
        catalogue.decode(advert, bytes(16), profile.name)
    for characteristic in profile.characteristics:
        catalogue.decode_value(characteristic.uuid, payload, profile.name)
