"""Whatever the bytes: readings that can be, or a reason; and what any model's sensor says is decoded again.

Generic over all profiles of the catalogue: a model is one file, and that is all it takes to be tested here.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Outcome, Status, bundled_profiles
from device_profiles.encode import encode, encode_value
from device_profiles.errors import EncodeError
from device_profiles.outcome import UNKNOWN
from device_profiles.profile import FieldSpec, Layout, Recognise
from device_profiles.prove import NOISES, SENDER, cuts, heard_of
from device_profiles.reading import Flag, Form, Reading
from device_profiles.samples import bodies

CATALOGUE = Catalogue.load()
PROFILES = [CATALOGUE.profile(model) for model in CATALOGUE.models]
SPECS = {
    profile.name: [
        *profile.objects,
        *(field for frame in profile.frames for field in frame.fields),
        *(field for characteristic in profile.characteristics for field in characteristic.fields),
    ]
    for profile in PROFILES
}
WANTED: list[Recognise] = [wanted for profile in PROFILES for wanted in profile.recognise]
SERVICES = sorted({full_uuid(uuid) for one in WANTED for uuid in (one.service_data, one.service) if uuid})
COMPANIES = sorted({wanted.company_id for wanted in WANTED if wanted.company_id is not None})
NAMES = sorted({name for wanted in WANTED for name in (wanted.name, wanted.name_prefix) if name})
CHARACTERISTICS = sorted({one.uuid for profile in PROFILES for one in profile.characteristics})
HEARD = [
    heard
    for profile in bundled_profiles()
    for vector in profile.vectors
    if isinstance(heard := heard_of(profile, vector), Advert)
]
BODIES = {profile.name: bodies(profile) for profile in PROFILES}
FREELY_MIXED = {Layout.BTHOME_V1, Layout.BTHOME_V2}  # elsewhere, device types differ in what they send
KEYED = {Layout.BTHOME_V1, Layout.BTHOME_V2, Layout.MIBEACON}  # an advert of theirs may be encrypted
REASONED = {Status.REJECTED, Status.NEEDS_KEY, Status.WRONG_KEY_OR_CORRUPT, Status.UNKNOWN}

# No address reads the same backwards: of two formats with opposite orders it could be either's.
senders = (
    st.binary(min_size=6, max_size=6)
    .filter(lambda raw: raw != raw[::-1])
    .map(lambda raw: raw.hex(":").upper())
)
keys = st.binary(min_size=16, max_size=16)
payloads = st.binary(max_size=40) | st.binary(max_size=30).map(lambda objects: b"\x40" + objects)
names = st.none() | st.text(max_size=8) | st.sampled_from(NAMES) | st.sampled_from(NAMES).map("{} 12".format)
noises = st.binary(min_size=1, max_size=32)
models = st.none() | st.sampled_from([*CATALOGUE.models, "nobody"])


@st.composite
def adverts(draw: st.DrawFn) -> Advert:
    """Adverts of any bytes under ids that profiles look at, or one that was really heard, with changed bytes."""
    if draw(st.booleans()):
        return Advert(
            draw(senders | st.just("")),
            draw(names),
            tuple(draw(st.lists(st.sampled_from(SERVICES), max_size=2))),
            draw(st.dictionaries(st.sampled_from(SERVICES), payloads, max_size=2)),
            draw(st.dictionaries(st.sampled_from(COMPANIES) | st.integers(0, 0xFFFF), payloads, max_size=2)),
            -60,
            1,
        )
    heard = draw(st.sampled_from(HEARD))
    return replace(
        heard,
        local_name=draw(st.just(heard.local_name) | names),
        service_data={uuid: draw(altered(data)) for uuid, data in heard.service_data.items()},
        manufacturer_data={company: draw(altered(data)) for company, data in heard.manufacturer_data.items()},
    )


def altered(data: bytes) -> st.SearchStrategy[bytes]:
    """The same bytes, some of them changed, or a part of them."""
    changed = st.binary(min_size=len(data), max_size=len(data)).map(
        lambda other: bytes(b if c & 3 else c for b, c in zip(data, other, strict=True))
    )
    return st.just(data) | changed | st.integers(0, len(data)).map(lambda length: data[:length])


@given(advert=adverts(), key=st.none() | keys | st.binary(max_size=20), model=models)
def test_any_advert_gives_an_outcome(advert: Advert, key: bytes | None, model: str | None) -> None:
    """No bytes raise; each reading is one that the model has, flagged if it cannot be true; the rest has a reason."""
    check(CATALOGUE.decode(advert, key, model))


@given(uuid=st.sampled_from(CHARACTERISTICS) | st.just("ffff"), data=st.binary(max_size=24), model=models)
def test_any_value_gives_an_outcome(uuid: str, data: bytes, model: str | None) -> None:
    """The same for what is read from a characteristic."""
    check(CATALOGUE.decode_value(uuid, data, model))


def check(outcome: Outcome) -> None:
    """What must hold of every outcome."""
    assert bool(outcome.readings) <= (outcome.status is Status.DECODED)
    assert outcome.repeat is None or outcome.status is Status.DECODED
    assert bool(outcome.reason) or outcome.status not in REASONED
    assert not outcome.proven or outcome.model is not None
    for reading in outcome.readings:
        assert type(reading.value) in {int, str}, reading  # a bool is not: the outbox would not take it back
        assert any(could_say(spec, reading) for spec in SPECS[outcome.model or ""]), reading
    kinds = [reading.kind for reading in outcome.readings]
    assert len(kinds) == len(set(kinds))


def could_say(spec: FieldSpec, reading: Reading) -> bool:
    """Whether a row of a model file gives such a reading, by the file's own words."""
    base, _, number = reading.kind.rpartition("_")
    named = spec.kind == reading.kind or (spec.kind == base and number.isdigit())
    alike = spec.unit == reading.unit and spec.urgent == reading.urgent
    if not named or not alike or isinstance(reading.value, str):
        return named and alike and not reading.flags
    if reading.form is Form.BOOLEAN:
        return reading.value in (0, 1) and not reading.flags & Flag.IMPLAUSIBLE
    true = Decimal(reading.value).scaleb(reading.exponent)
    beyond = (spec.least is not None and true < Decimal(str(spec.least))) or (
        spec.most is not None and true > Decimal(str(spec.most))
    )
    flagged = bool(reading.flags & Flag.IMPLAUSIBLE)
    return flagged or not beyond


@given(advert=adverts(), model=models)
def test_a_cut_advert_says_less_or_nothing(advert: Advert, model: str | None) -> None:
    """Of an advert that is believed, any shorter one gives no reading that the whole did not give."""
    whole = CATALOGUE.decode(advert, None, model)

    if whole.status is Status.DECODED:
        for part, cut in cuts(advert):
            assert isinstance(cut, Advert)
            said = CATALOGUE.decode(cut, None, model or whole.model).readings
            assert set(said) <= set(whole.readings), part


@pytest.mark.parametrize("model", CATALOGUE.models)
@given(stream=st.data(), sender=senders, repeat=st.integers(0, 255), counter=st.integers(0, 2**32 - 1))
def test_what_a_sensor_says_is_decoded(
    model: str, stream: st.DataObject, sender: str, repeat: int, counter: int
) -> None:
    """Frames, objects in any mix, characteristics: over all that their bits carry, encrypted or not, and when cut."""
    numbers, layout = st.integers(0, len(BODIES[model]) - 1), CATALOGUE.profile(model).layout
    body = BODIES[model][stream.draw(numbers)]
    said, whole = body.sample(stream.draw(noises), sender)
    if body.characteristic is not None:
        assert_value_says(model, body.characteristic, said, whole=whole)
        return
    more = 0 if layout is Layout.FRAMES else 4
    for number, noise in stream.draw(st.lists(st.tuples(numbers, noises), max_size=more)):
        other = BODIES[model][number].sample(noise, sender)
        if {one.kind for one in other.readings}.isdisjoint({one.kind for one in said}):
            said, whole = said + other.readings, whole and other.whole and layout in FREELY_MIXED
    if not said:
        return
    encrypts = body.sealed or (layout in KEYED and stream.draw(st.booleans()))
    key = stream.draw(keys) if encrypts else None
    try:
        advert = encode(model, sender, said, repeat=repeat, key=key, counter=counter)
    except EncodeError:
        assert not whole  # for a silent field there may be no bytes, for a mix no device type that sends it
    else:
        assert_advert_says(model, advert, said, key, counter)


def assert_value_says(model: str, uuid: str, said: tuple[Reading, ...], *, whole: bool) -> None:
    """Encoded for a characteristic it is decoded to the same, and cut to nothing else."""
    try:
        data = encode_value(model, uuid, said) if said else b""
    except EncodeError:
        assert not whole
        return

    outcome = CATALOGUE.decode_value(uuid, data, model)

    assert sorted(outcome.readings, key=repr) == sorted(said, key=repr)
    for length in range(len(data)):
        less = CATALOGUE.decode_value(uuid, data[:length], model).readings
        assert set(less) <= set(outcome.readings), length


def assert_advert_says(
    model: str, advert: Advert, said: tuple[Reading, ...], key: bytes | None, counter: int
) -> None:
    """It is decoded to the same, also by who is not told the model, and cut to nothing else."""
    outcome = CATALOGUE.decode(advert, key, model)

    assert sorted(outcome.readings, key=repr) == sorted(said, key=repr)
    assert outcome.proven is (key is not None)
    assert outcome.counter in {None, counter}
    assert CATALOGUE.decode(advert, key) in (outcome, UNKNOWN)  # some adverts do not tell what sent them
    for part, cut in cuts(advert):
        assert isinstance(cut, Advert)
        for told in (None, model):
            less = CATALOGUE.decode(cut, key, told).readings
            assert set(less) <= set(outcome.readings), part


@given(noise=noises, sender=senders, key=keys, other=st.none() | keys)
@pytest.mark.parametrize("model", [profile.name for profile in PROFILES if profile.layout in KEYED])
def test_only_the_right_key_opens(
    model: str, noise: bytes, sender: str, key: bytes, other: bytes | None
) -> None:
    """A frame sealed with one key says nothing under another, or under none."""
    said = BODIES[model][0].sample(noise, sender).readings
    if not said or other == key:
        return
    advert = encode(model, sender, said, repeat=1, key=key, counter=7)

    outcome = CATALOGUE.decode(advert, other)

    assert outcome.readings == ()
    assert outcome.status is (Status.NEEDS_KEY if other is None else Status.WRONG_KEY_OR_CORRUPT)


@pytest.mark.parametrize("model", CATALOGUE.models)
def test_each_kind_is_in_some_sample(model: str) -> None:
    """What the others draw from reaches every kind that the model can encode."""
    kinds = {field.kind for body in BODIES[model] for field in body.block.fields}
    samples = (body.sample(noise, SENDER).readings for body in BODIES[model] for noise in NOISES)

    assert kinds - {reading.kind for sample in samples for reading in sample} == set()
