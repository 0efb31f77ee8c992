"""Whatever the bytes: readings within limits or a reason; and what is encoded is decoded again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Outcome, Status
from device_profiles.encode import encode
from device_profiles.field import Field, Value
from device_profiles.profile import Role, Type
from device_profiles.reading import Form, Reading

CATALOGUE = Catalogue.load()
OBJECT_MODELS = ("bthome_v2", "shelly_blu")
FRAME_MODELS = ("atc1441", "pvvx")
SERVICES = [full_uuid(uuid) for uuid in ("fcd2", "181a", "fe95")]
FIELDS = {model: CATALOGUE.codec(model).fields for model in CATALOGUE.models}

keys = st.none() | st.binary(min_size=16, max_size=16)
senders = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":").upper())
payloads = st.binary(max_size=64) | st.binary(max_size=63).map(lambda objects: b"\x40" + objects)


def values(field: Field) -> st.SearchStrategy[Value]:
    """All values that a field can carry and that are plausible."""
    if field.type is Type.STEPS:
        return st.integers(-255, 255).filter(bool)
    if field.type is Type.TEXT:
        return st.text(st.characters(codec="utf-8"), max_size=20)
    if field.type is Type.HEX:
        return st.binary(max_size=20).map(bytes.hex)
    if field.size == 1:
        spoken = [field.read(bytes((raw,))) for raw in range(256)]
        return st.sampled_from([value for value in spoken if value is not None and field.plausible(value)])
    if field.form is Form.TEXT:
        return st.binary(min_size=field.size or 0, max_size=field.size).map(lambda raw: str(field.read(raw)))
    return st.integers(field.lowest, field.highest)


@st.composite
def said(draw: st.DrawFn, model: str) -> list[Reading]:
    """Readings that a model of objects can say in one frame, each kind at most once."""
    chosen = draw(st.lists(st.sampled_from(FIELDS[model]), max_size=6, unique_by=lambda field: field.kind))
    return [field.reading(draw(values(field)), field.kind) for field in chosen]


@given(
    data=payloads,
    service=st.sampled_from(SERVICES),
    maker=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=30), max_size=1),
    sender=senders | st.just(""),
    name=st.none() | st.text(max_size=8) | st.just("SBBT-002C"),
    key=keys | st.binary(max_size=40),
    model=st.none() | st.sampled_from(CATALOGUE.models),
)
def test_any_bytes_give_an_outcome(
    data: bytes,
    service: str,
    maker: dict[int, bytes],
    sender: str,
    name: str | None,
    key: bytes | None,
    model: str | None,
) -> None:
    """No bytes raise, and no reading is outside its limits or comes with another status."""
    advert = Advert(sender, name, (), {service: data}, maker, -60, 1)

    outcome = CATALOGUE.decode(advert, key, model)

    if outcome.readings:
        assert outcome.status is Status.DECODED
    if outcome.status is not Status.DECODED:
        assert outcome.repeat is None
    if outcome.status in {Status.REJECTED, Status.NEEDS_KEY, Status.WRONG_KEY_OR_CORRUPT, Status.UNKNOWN}:
        assert outcome.reason
    for reading in outcome.readings:
        assert any(_could_say(field, reading) for field in FIELDS[outcome.model or ""])


@given(data=payloads, cut=st.integers(0, 64), sender=senders)
def test_a_cut_frame_says_less_or_nothing(data: bytes, cut: int, sender: str) -> None:
    """Of a plain BTHome frame that is believed, any shorter part says the same or less."""
    whole = _heard(data, sender)
    part = _heard(data[:cut], sender)

    if whole.status is Status.DECODED and cut < len(data):
        assert part.readings == whole.readings[: len(part.readings)]


@given(
    stream=st.data(),
    model=st.sampled_from(OBJECT_MODELS),
    sender=senders,
    repeat=st.integers(0, 255),
    key=keys,
    counter=st.integers(0, 2**32 - 1),
)
def test_objects_survive_the_air(
    stream: st.DataObject, model: str, sender: str, repeat: int, key: bytes | None, counter: int
) -> None:
    """Any mix of kinds over their whole ranges, plain or encrypted, is decoded to itself."""
    readings = stream.draw(said(model))

    advert = encode(model, sender, readings, repeat=repeat, key=key, counter=counter)
    outcome = CATALOGUE.decode(advert, key)

    assert outcome == Outcome(
        Status.DECODED, model, outcome.readings, None, repeat, None if key is None else counter
    )
    assert sorted(outcome.readings, key=repr) == sorted(readings, key=repr)


@given(
    stream=st.data(),
    model=st.sampled_from(FRAME_MODELS),
    sender=senders,
    repeat=st.integers(0, 255),
    key=keys,
)
def test_frames_survive_the_air(
    stream: st.DataObject, model: str, sender: str, repeat: int, key: bytes | None
) -> None:
    """A thermometer's frame over its whole ranges, plain or encrypted, is decoded to itself."""
    frame = next(
        one for one in CATALOGUE.profile(model).frames if (one.encryption.value == "pvvx") == bool(key)
    )
    kinds = [spec.kind for spec in frame.fields if spec.kind and spec.role is Role.VALUE]
    exponents = {spec.kind: (spec.exponent, spec.type) for spec in frame.fields}
    fields = [
        next(
            field
            for field in FIELDS[model]
            if field.kind == kind and (field.exponent, field.type) == exponents[kind]
        )
        for kind in kinds
    ]
    readings = [field.reading(stream.draw(values(field)), field.kind) for field in fields]

    advert = encode(model, sender, readings, repeat=repeat, key=key)
    outcome = CATALOGUE.decode(advert, key)

    assert outcome == Outcome(Status.DECODED, model, tuple(readings), None, repeat)


@given(stream=st.data(), sender=senders, key=st.binary(min_size=16, max_size=16), other=keys)
def test_only_the_right_key_opens(
    stream: st.DataObject, sender: str, key: bytes, other: bytes | None
) -> None:
    """A frame sealed with one key says nothing under another, or under none."""
    advert = encode("bthome_v2", sender, stream.draw(said("bthome_v2")), repeat=1, key=key, counter=7)

    outcome = CATALOGUE.decode(advert, other)

    if other != key:
        assert outcome.readings == ()
        expected = Status.NEEDS_KEY if other is None else Status.WRONG_KEY_OR_CORRUPT
        assert outcome.status is expected


def _heard(data: bytes, sender: str) -> Outcome:
    return CATALOGUE.decode(Advert(sender, None, (), {SERVICES[0]: data}, {}, -60, 1))


def _could_say(field: Field, reading: Reading) -> bool:
    base = reading.kind.rpartition("_")[0]
    named = field.kind in {reading.kind, base}
    return named and field.plausible(reading.value) and field.reading(reading.value, reading.kind) == reading
