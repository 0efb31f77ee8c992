"""Every model's own known answers, as its file states them."""

from __future__ import annotations

import pytest

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, bundled_profiles
from device_profiles.outcome import Outcome, Status
from device_profiles.profile import Profile, Vector

CATALOGUE = Catalogue.load()
VECTORS = [(profile, vector) for profile in bundled_profiles() for vector in profile.vectors]
NAMES = [f"{profile.name}-{number}-{vector.title}" for number, (profile, vector) in enumerate(VECTORS)]


@pytest.mark.parametrize(("profile", "vector"), VECTORS, ids=NAMES)
def test_a_known_answer_is_given(profile: Profile, vector: Vector) -> None:
    """The bytes give the status, the values, the units and the counters that the file states."""
    outcome = _decode(profile, vector, vector.payload, profile.name)

    assert outcome.status.value == vector.status
    assert outcome.reason == vector.reason
    assert outcome.repeat == vector.repeat
    assert outcome.counter == vector.counter
    said = [(reading.kind, reading.plain, reading.unit) for reading in outcome.readings]
    assert said == [(expected.kind, expected.value, expected.unit) for expected in vector.readings]


@pytest.mark.parametrize(("profile", "vector"), VECTORS, ids=NAMES)
def test_a_decodable_advert_is_recognised_without_being_told_the_model(
    profile: Profile, vector: Vector
) -> None:
    """What an advert shows leads to its own model, or to no reading at all."""
    outcome = _decode(profile, vector, vector.payload, None)

    if vector.status == "decoded":
        assert outcome.model == profile.name
    else:
        assert outcome.readings == ()


@pytest.mark.parametrize(
    ("profile", "vector"),
    [pair for pair in VECTORS if pair[1].status != "rejected"],
    ids=[name for name, pair in zip(NAMES, VECTORS, strict=True) if pair[1].status != "rejected"],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "recognised"])
def test_a_cut_frame_never_says_something_else(profile: Profile, vector: Vector, *, told: bool) -> None:
    """Each shorter frame gives readings of the whole frame, or fewer, and no encrypted one gives any."""
    whole = {
        reading.kind: reading for reading in _decode(profile, vector, vector.payload, profile.name).readings
    }

    for length in range(0, len(vector.payload), 2):
        cut = _decode(profile, vector, vector.payload[:length], profile.name if told else None)
        for reading in cut.readings:
            assert whole[reading.kind] == reading
        if vector.key is not None:
            assert cut.readings == ()


@pytest.mark.parametrize(
    ("profile", "vector"),
    [pair for pair in VECTORS if pair[1].key is not None and pair[1].status == "decoded"],
    ids=[
        name for name, pair in zip(NAMES, VECTORS, strict=True) if pair[1].key and pair[1].status == "decoded"
    ],
)
def test_any_flipped_bit_of_a_sealed_frame_is_noticed(profile: Profile, vector: Vector) -> None:
    """No bit behind the header can be changed without losing the frame."""
    whole = bytes.fromhex(vector.payload)

    for bit in range(8, 8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        outcome = _decode(profile, vector, flipped.hex(), profile.name)
        assert outcome.status in {Status.WRONG_KEY_OR_CORRUPT, Status.REJECTED}


def test_every_object_of_bthome_has_a_known_answer() -> None:
    """No row of the BTHome table goes untested against bytes that we did not make ourselves."""
    profile = CATALOGUE.profile("bthome_v2")
    answered = {
        (reading.kind, reading.exponent)
        for each, vector in VECTORS
        for reading in _decode(each, vector, vector.payload, None).readings
        if each.recognise.service_data == "fcd2"
    }
    wanted = {(field.kind, field.exponent) for field in profile.objects if field.kind != "packet_id"}

    assert wanted - answered == set()


def _decode(profile: Profile, vector: Vector, payload: str, model: str | None) -> Outcome:
    service, company = profile.recognise.service_data, profile.recognise.company_id
    data = bytes.fromhex(payload)
    advert = Advert(
        address=vector.address,
        local_name=vector.local_name,
        service_uuids=(),
        service_data={} if service is None else {full_uuid(service): data},
        manufacturer_data={} if service or company is None else {company: data},
        signal_dbm=-60,
        heard_ms=0,
    )
    return CATALOGUE.decode(advert, bytes.fromhex(vector.key) if vector.key else None, model)
