"""Finding the profile of an advert, and making readings from plain values."""

from __future__ import annotations

import pytest

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Reason, Status, bundled_profiles
from device_profiles.errors import EncodeError, ProfileError
from device_profiles.model_file import parse_profile
from device_profiles.profile import ContractKind, Profile
from device_profiles.reading import Form, Reading

CATALOGUE = Catalogue.load()
SENDER = "A4:C1:38:CF:01:56"
PVVX = bytes.fromhex("5601cf38c1a44008bd13470c64cc0f")

URGENT = {
    "button",
    "button_2",
    "button_3",
    "button_4",
    "button_left",
    "button_mid_left",
    "button_mid_right",
    "button_middle",
    "button_right",
    "carbon_monoxide",
    "door",
    "garage_door",
    "gas",
    "heat",
    "leak",
    "leak_top",
    "lock_error",
    "opening",
    "problem",
    "pry_the_door",
    "safety",
    "smoke",
    "tamper",
    "window",
}


def advert(
    data: bytes, service: str = "fcd2", *, address: str = SENDER, local_name: str | None = None
) -> Advert:
    """One advert with one service data field."""
    return Advert(address, local_name, (), {full_uuid(service): data}, {}, -60, 1)


def test_an_advert_of_nobody_is_unknown() -> None:
    """A phone's advert belongs to no profile, and says so in one word."""
    phone = Advert(SENDER, None, (), {full_uuid("fe9f"): b"\x02"}, {0x004C: b"\x10\x05"}, -60, 1)

    outcome = CATALOGUE.decode(phone)

    assert (outcome.status, outcome.reason, outcome.model) == (Status.UNKNOWN, Reason.NO_PROFILE, None)


def test_another_use_of_a_shared_service_is_unknown() -> None:
    """Environmental sensing data of a length that no profile knows is somebody else's."""
    assert CATALOGUE.decode(advert(b"\xb1\x4c", "181a")).status is Status.UNKNOWN


def test_a_sensor_whose_model_is_known_is_held_to_it() -> None:
    """Where the home names the model, a wrong length is its fault and is counted."""
    outcome = CATALOGUE.decode(advert(PVVX[:-1], "181a"), model="pvvx")

    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.WRONG_LENGTH)


def test_a_model_that_is_not_there_decodes_nothing() -> None:
    """A home that names a model we do not have gets no reading from any other."""
    assert CATALOGUE.decode(advert(PVVX, "181a"), model="pvvy").status is Status.UNKNOWN


def test_the_more_particular_profile_comes_first() -> None:
    """A maker's dialect is tried before the format it is built on."""
    held = bytes.fromhex("403afe")

    assert CATALOGUE.decode(advert(held, local_name="SBBT-002C")).readings[0].plain == "hold_press"
    assert CATALOGUE.decode(advert(held)).readings == ()


def test_the_urgent_kinds_are_these() -> None:
    """What overtakes the backlog is a decision about people's safety, the same for every model."""
    fields = [field for model in CATALOGUE.models for field in CATALOGUE.codec(model).fields]

    assert {field.kind for field in fields if field.urgent} == URGENT
    assert {field.kind for field in fields if not field.urgent} & URGENT == set()


def test_each_model_has_a_contract_for_each_of_its_kinds() -> None:
    """No kind is without an answer to "how would we notice that it fell silent?"."""
    for model in CATALOGUE.models:
        profile = CATALOGUE.profile(model)
        for field in CATALOGUE.codec(model).fields:
            contract = profile.contract(field.kind)
            assert (contract.period_s == 0) == (contract.kind is ContractKind.EVENT_ONLY)
            assert profile.resolution_ms(field.kind) > 0


@pytest.mark.parametrize(
    ("kind", "value", "exponent", "reading"),
    [
        ("temperature", 25.06, None, Reading("temperature", 2506, -2, "°C", Form.NUMBER, urgent=False)),
        ("temperature", 25.06, -1, Reading("temperature", 251, -1, "°C", Form.NUMBER, urgent=False)),
        ("humidity", 40, None, Reading("humidity", 4000, -2, "%", Form.NUMBER, urgent=False)),
        ("motion", True, None, Reading("motion", 1, 0, "", Form.BOOLEAN, urgent=False)),
        ("door", 0, None, Reading("door", 0, 0, "", Form.BOOLEAN, urgent=True)),
        ("button_2", "press", None, Reading("button_2", "press", 0, "", Form.TEXT, urgent=True)),
        ("count", 70000, None, Reading("count", 70000, 0, "", Form.NUMBER, urgent=False)),
    ],
)
def test_a_plain_value_becomes_the_models_reading(
    kind: str, value: object, exponent: int | None, reading: Reading
) -> None:
    """Unit, resolution and urgency come from the profile, never from the caller."""
    assert CATALOGUE.reading("bthome_v2", kind, value, exponent) == reading


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("temperature", 9000, "cannot say temperature = 9000"),
        ("temperature", "warm", "cannot say temperature = 'warm'"),
        ("temperature", float("nan"), "cannot say temperature = nan"),
        ("temperature", float("inf"), "cannot say temperature = inf"),
        ("temperature", True, "cannot say temperature = True"),
        ("motion", 2, "cannot say motion = 2"),
        ("button", "", "cannot say button = ''"),
        ("button", "stroke", "cannot say button = 'stroke'"),
        ("mood", 1, "has no kind mood"),
    ],
)
def test_what_a_model_cannot_say_is_an_error(kind: str, value: object, words: str) -> None:
    """A simulated sensor cannot say what a real one could not."""
    with pytest.raises(EncodeError, match=words) as caught:
        CATALOGUE.reading("bthome_v2", kind, value)

    assert caught.value.hint


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    """A typing error in a model's name is easy to mend."""
    with pytest.raises(ProfileError, match="There is no model bthome") as caught:
        CATALOGUE.profile("bthome")

    assert "bthome_v2" in caught.value.hint


def test_two_profiles_of_one_name_are_refused() -> None:
    """A second file of the same name does not silently replace the first."""
    first = bundled_profiles()[0]

    with pytest.raises(ProfileError, match="Two profiles are named"):
        Catalogue([first, first])


def test_a_dialect_of_a_missing_profile_is_refused() -> None:
    """A profile that builds on another needs the other."""
    shelly = [profile for profile in bundled_profiles() if profile.name == "shelly_blu"]

    with pytest.raises(ProfileError, match="`extends` names bthome_v2"):
        Catalogue(shelly)


def profile(text: str, name: str = "maker") -> Profile:
    """A small profile of one frame, recognised as ``text`` says."""
    return parse_profile(
        f"""
        name = "{name}"
        title = "A maker's thermometer"
        layout = "frames"
        source = "made up"
        repeat = "payload"
        recognise = [{text}]
        liveness.default = "periodic 60 s"
        time_resolution_ms.default = 1000
        frames = [{{ length = 2, fields = [{{ kind = "temperature", type = "int16", exponent = -1 }}] }}]
        """,
        f"{name}.toml",
    )


@pytest.mark.parametrize(
    ("recognise", "said"),
    [
        ("{ company_id = 0x0499 }", [21.5]),
        ('{ company_id = 0x0499, name = "T1-77" }', [21.5]),
        ('{ company_id = 0x0499, name_prefix = "T1" }', [21.5]),
        ('{ company_id = 0x0499, service = "180f" }', [21.5]),
        ('{ name = "T1-77", company_id = 0x0499 }, { company_id = 0x0500 }', [21.5]),
        ('{ service = "180F", company_id = 0x0499, name_prefix = "T1" }', [21.5]),
        ('{ company_id = 0x0499, name = "T1" }', []),
        ('{ company_id = 0x0499, name_prefix = "T2" }', []),
        ('{ company_id = 0x0499, service = "180d" }', []),
        ("{ company_id = 0x0500 }", []),
        ('{ name = "T2-77" }', []),
        ('{ service_data = "180f", company_id = 0x0499 }', []),
    ],
)
def test_all_that_an_alternative_asks_for_must_be_there(recognise: str, said: list[float]) -> None:
    """Company, name, listed service: one alternative suffices, but that with all it asks for."""
    heard = Advert(SENDER, "T1-77", (full_uuid("180f"),), {}, {0x004C: b"\x10", 0x0499: b"\xd7\x00"}, -60, 1)

    outcome = Catalogue([profile(recognise)]).decode(heard)

    assert [reading.plain for reading in outcome.readings] == said
    assert outcome.model == ("maker" if said else None)


def test_who_asks_for_more_is_asked_first() -> None:
    """A model that knows its sensors' names goes before one that takes any of its maker's."""
    any_of_maker = profile("{ company_id = 0x0499 }", name="aaa")
    by_name = profile('{ company_id = 0x0499, name_prefix = "T1" }', name="zzz")
    catalogue = Catalogue([any_of_maker, by_name])

    def model_of(name: str) -> str | None:
        return catalogue.decode(Advert(SENDER, name, (), {}, {0x0499: b"\xd7\x00"}, -60, 1)).model

    assert (model_of("T1-77"), model_of("T2-77")) == ("zzz", "aaa")


def test_a_characteristic_is_known_by_either_id() -> None:
    """The value of a characteristic is decoded for whoever knows it, and for a told model only by that."""
    assert CATALOGUE.decode_value("2a19", b"\x64").readings[0].plain == 100
    assert CATALOGUE.decode_value(full_uuid("2a19"), b"\x64").readings[0].kind == "battery"
    assert CATALOGUE.decode_value("2a19", b"\x64", "heart_rate").model == "heart_rate"
    for model in ("pvvx", "nothing", "blood_pressure"):
        assert CATALOGUE.decode_value("2a6e", b"\x64\x00", model).status is Status.UNKNOWN
    assert CATALOGUE.decode_value("ffff", b"\x64").status is Status.UNKNOWN
