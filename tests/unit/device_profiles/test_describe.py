"""What a profile says, in words and for machines."""

from __future__ import annotations

import json

import pytest

from device_profiles import describe
from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfileError
from device_profiles.model_file import parse_profile
from tests.helpers.model_texts import FRAMES, GATT, MEASURES

CATALOGUE = Catalogue.load()


def catalogue_of(text: str) -> Catalogue:
    """Of one model file."""
    return Catalogue([parse_profile(text, "test.toml")])


def said(text: str, head: str) -> str:
    """One line about the model of a file."""
    catalogue = catalogue_of(text)
    return dict(describe.lines(catalogue, catalogue.models[0]))[head]


@pytest.mark.parametrize(
    ("words", "model"),
    [(["pvvx"], "pvvx"), (["shelly", "BLU"], "shelly_blu"), (["ruuvitag", "pro"], "ruuvi"), (["xmtzc01"], "xiaomi_scale")],
)  # fmt: skip
def test_a_model_is_found_by_what_stands_on_its_box(words: list[str], model: str) -> None:
    """Each word in model, title or products, in any case."""
    assert [profile.name for profile in describe.matching(CATALOGUE, words)] == [model]


def test_all_models_of_sensors_are_listed() -> None:
    """Without words all, but for what is only there to be extended."""
    names = [profile.name for profile in describe.matching(CATALOGUE, [])]

    assert names == [model for model in CATALOGUE.models if CATALOGUE.profile(model).recognise]
    assert describe.matching(CATALOGUE, ["no such thing"]) == []


def test_products_are_those_of_file_and_header() -> None:
    """What the sender's own header calls it stands on the box too; nothing is told twice."""
    text = MEASURES.replace(
        "liveness", 'products = ["A", "B"]\ndevice_types = { 1 = "B", 2 = "C" }\nliveness'
    )

    assert describe.products(parse_profile(text, "test.toml")) == ("A", "B", "C")


@pytest.mark.parametrize(
    ("recognise", "words"),
    [
        ('[{ service_data = "1234" }]', "service data 1234"),
        ("[{ company_id = 0x0499 }]", "maker's data of company 0x0499"),
        ('[{ service = "180f" }]', "service 180f among those it lists"),
        ('[{ name = "sps" }]', 'a name that is "sps"'),
        (
            '[{ company_id = 1, name_prefix = "A" }, { company_id = 1, name_prefix = "B" }, { company_id = 1, name = "C" }]',
            'maker\'s data of company 0x0001 and a name that is "C" or begins with "A" or "B"',
        ),
        (
            '[{ company_id = 1, name_prefix = "A" }, { company_id = 1 }, { service_data = "12ab" }]',
            "maker's data of company 0x0001; or service data 12ab",
        ),
    ],
)
def test_what_recognises_a_model_is_told_in_words(recognise: str, words: str) -> None:
    """Alternatives that differ in names only are told as one."""
    text = FRAMES.replace('[{ service_data = "1234" }]', recognise)

    assert said(text, "Recognised by") == words


@pytest.mark.parametrize(
    ("model", "encrypted", "needs"),
    [
        ("pvvx", "optional", ""),
        ("bthome_v1", "optional", ""),
        ("ruuvi", "no", ""),
        ("heart_rate", "no", "a connection"),
        ("switchbot_meter", "no", "an active scan"),
    ],
)
def test_what_a_model_needs_is_told(model: str, encrypted: str, needs: str) -> None:
    """Whether it has a key, must be connected to, or answers only to an active scan."""
    profile = CATALOGUE.profile(model)

    assert (describe.encrypted(profile), describe.needs_words(profile)) == (encrypted, needs)


def test_a_model_that_always_encrypts_says_so() -> None:
    """Without its key, nothing of it can be read."""
    sealed = FRAMES.replace("length = 3", 'length = 8, encryption = "pvvx"').partition("vectors")[0]

    assert said(sealed, "Encrypted") == "yes: give it its key"
    assert said(sealed, "Frames") == "8 bytes encrypted, and no other length"


def test_how_each_kind_is_alive_is_told() -> None:
    """The contract by default, then the kinds that have another."""
    text = FRAMES.replace(
        "liveness.default",
        'liveness.battery = "periodic 86400 s"\nliveness.temperature = "periodic 60 s"\nliveness.default',
    )

    assert said(text, "Alive") == "periodic 60 s; periodic 86400 s: battery"


def test_quality_rules_are_told() -> None:
    """When a battery is low, and what is doubted."""
    text = FRAMES.replace(
        "frames =", "jump = { temperature = 10 }\nstuck_s = { temperature = 172800 }\nframes ="
    )

    assert said(text, "Battery") == "low at battery 10 or below"
    assert said(text, "Doubted") == (
        "temperature that moves by more than 10 in ten minutes; temperature that stays the very same for 2 d"
    )
    assert said(MEASURES, "Battery") == "not told"
    assert said(MEASURES, "Doubted") == "only what is not plausible"
    told = MEASURES.replace('"text", type = "text"', '"battery_low", type = "boolean"')
    assert said(told, "Battery") == "it says itself when it is low"


def test_times_copies_and_answers_are_told() -> None:
    """How finely a time means anything, what marks a copy, how many known answers there are."""
    text = MEASURES.replace("time_resolution_ms", "time_resolution_ms.button = 1\ntime_resolution_ms", 1)

    assert said(text, "Time") == "to 1 s; to 0.001 s: button"
    assert said(text, "Copies") == "told by equal packet ids; without one, equal bytes"
    assert said(text, "Known answers") == "2, 1 of which must say nothing"
    assert said(text, "Source") == "made up"
    assert said(text, "Products") == "not listed"


def test_a_connection_is_told() -> None:
    """Which characteristics, how often, how long."""
    assert said(GATT, "Connection") == "2a37 (is told); at most every 1 min, staying up to 30 s"
    polled = GATT.replace("stay_s = 30", "stay_s = 30, on_advert = true").replace(
        "every_s = 60", "every_s = 90"
    )
    assert said(polled, "Connection") == (
        "2a37 (is told); when it advertises, but at most every 90 s, staying up to 30 s"
    )


def test_each_kind_is_a_row() -> None:
    """Values with unit and resolution, what is plausible, urgent or not, how it is alive."""
    assert describe.kind_rows(catalogue_of(MEASURES), "thing") == [
        ("temperature", "in steps of 0.01", "-60 to 125", "", "event-only"),
        ("button", "press", "", "urgent", "event-only"),
        ("text", "text", "", "", "event-only"),
    ]


@pytest.mark.parametrize(
    ("model", "kind", "values", "plausible"),
    [
        ("xiaomi_scale", "weight", "kg in steps of 0.005, lb in steps of 0.01 or catty in steps of 0.01", "up to 200 kg, up to 440 lb or up to 400 catty"),
        ("bthome_v2", "temperature", "°C in steps of 0.01, 0.1, 0.35 or 1", "-60 to 125"),
        ("bthome_v2", "dimmer", "steps, left is negative", ""),
        ("bthome_v2", "motion", "yes or no", ""),
        ("bthome_v2", "raw", "bytes in hex", ""),
        ("health_thermometer", "timestamp", "date and time", ""),
        ("health_thermometer", "temperature", "°C as fine as it says or °F as fine as it says", "20 to 45 °C or 68 to 113 °F"),
    ],
)  # fmt: skip
def test_values_are_told_with_their_resolution(model: str, kind: str, values: str, plausible: str) -> None:
    """Where a model has several units or resolutions, all are told."""
    rows = {row[0]: row for row in describe.kind_rows(CATALOGUE, model)}

    assert rows[kind][1:3] == (values, plausible)


@pytest.mark.parametrize("model", CATALOGUE.models)
def test_every_model_can_be_described(model: str) -> None:
    """For people each line says something, for machines all is JSON."""
    assert all(words for _, words in describe.lines(CATALOGUE, model))
    kinds = {row[0] for row in describe.kind_rows(CATALOGUE, model)}
    assert kinds == {field.kind for field in CATALOGUE.codec(model).fields}
    facts = describe.facts(CATALOGUE, model)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert {one["kind"] for one in facts["says"]} == kinds


def test_a_model_that_is_not_there_is_named() -> None:
    """A typing error is told as such."""
    with pytest.raises(ProfileError, match="no model pvxv"):
        describe.lines(CATALOGUE, "pvxv")
