"""Reading model files: every mistake is one sentence that names file and key."""

from __future__ import annotations

import pytest

from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfileError
from device_profiles.profile import Contract, ContractKind, parse_contract, parse_profile

GOOD = """
name = "thermo"
title = "A thermometer"
layout = "frames"
source = "made up"
repeat = "payload"
recognise.service_data = "1234"
liveness.default = "periodic 60 s"
time_resolution_ms.default = 1000
frames = [{ length = 2, fields = [{ kind = "temperature", type = "int16", exponent = -1 }] }]
"""


def test_a_good_file_is_read() -> None:
    """The example that the others spoil is good itself."""
    profile = parse_profile(GOOD, "thermo.toml")

    assert profile.contract("temperature") == Contract(ContractKind.PERIODIC, 60)
    assert profile.resolution_ms("temperature") == 1000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "thermo"', "name = ", "Invalid value"),
        ('title = "A thermometer"', "", "`title`"),
        ('title = "A thermometer"', 'title = "A"\ncolour = "red"', "`colour`"),
        ('layout = "frames"', 'layout = "heap"', "heap"),
        ('recognise.service_data = "1234"', "recognise = {}", "`recognise`"),
        ('"periodic 60 s"', '"now and then"', "now and then"),
        ("liveness.default", "liveness.battery", "`liveness.default` is missing"),
        (
            "time_resolution_ms.default",
            "time_resolution_ms.battery",
            "`time_resolution_ms.default` is missing",
        ),
        ("kind = ", "kinds = ", "`kinds`"),
        ('kind = "temperature"', 'kind = "Temperature"', "`Temperature` needs a `kind` in lower case"),
        ('type = "int16"', 'type = "int17"', "int17"),
        ('type = "int16"', 'type = "event"', "`codes`"),
        ("exponent = -1", "scale = 0", "`scale` above 0"),
        ("exponent = -1", "least = 2, most = 1", "`least` above `most`"),
        ("frames = [{", "frames = [{ length = 2, fields = [] }, {", "same `length`"),
        ("frames = [", "objects = [", "objects"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(old: str, new: str, words: str) -> None:
    """An engineer who adds a model is told where to look."""
    assert old in GOOD

    with pytest.raises(ProfileError) as caught:
        parse_profile(GOOD.replace(old, new), "thermo.toml")

    assert str(caught.value).startswith("thermo.toml: ")
    assert words in str(caught.value)
    assert caught.value.hint


def test_objects_need_an_id_each() -> None:
    """Two rows for one object id would hide one another."""
    text = GOOD.replace('"frames"', '"bthome_v2"').partition("frames = [")[0]
    row = '{ id = 1, kind = "a", type = "uint8" }'

    with pytest.raises(ProfileError, match="`id` of its own"):
        parse_profile(text + f"objects = [{row}, {row}]", "thermo.toml")


def test_fields_must_fill_their_frame() -> None:
    """A frame whose fields end before or behind it would read the wrong bytes."""
    with pytest.raises(ProfileError, match="frame of 3 bytes do not fill it"):
        Catalogue([parse_profile(GOOD.replace("length = 2", "length = 3"), "thermo.toml")])


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("event-only", Contract(ContractKind.EVENT_ONLY)),
        ("periodic 900 s", Contract(ContractKind.PERIODIC, 900)),
        ("heartbeat 3600 s", Contract(ContractKind.HEARTBEAT, 3600)),
    ],
)
def test_the_three_contracts_are_read(text: str, contract: Contract) -> None:
    """A contract is written as people say it."""
    assert parse_contract(text) == contract


@pytest.mark.parametrize(
    "text", ["", "periodic", "periodic 0 s", "periodic 5", "heartbeat -1 s", "event-only 5 s"]
)
def test_no_other_contract_is_read(text: str) -> None:
    """A contract that nobody can keep or break is refused."""
    with pytest.raises(ProfileError, match="no liveness contract"):
        parse_contract(text)
