"""Every model's own known answers, as its file states them; ``lum-hub profiles check`` asks the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue, bundled_profiles
from device_profiles.outcome import Status
from device_profiles.profile import Layout, Profile, Vector
from device_profiles.prove import decoded, heard_of, shortcomings, vector_shortcomings

CATALOGUE = Catalogue.load()
VECTORS = [(profile, vector) for profile in bundled_profiles() for vector in profile.vectors]
NAMES = [f"{profile.name}-{number}-{vector.title}" for number, (profile, vector) in enumerate(VECTORS)]
SEALED = [pair for pair in VECTORS if pair[1].key is not None and pair[1].status == "decoded"]


@pytest.mark.parametrize(("profile", "vector"), VECTORS, ids=NAMES)
def test_a_known_answer_is_given(profile: Profile, vector: Vector) -> None:
    """The bytes give what the file states, told the model or not, and cut they never say something else."""
    assert list(vector_shortcomings(CATALOGUE, profile, vector)) == []


@pytest.mark.parametrize("profile", bundled_profiles(), ids=lambda profile: profile.name)
def test_a_model_is_proved(profile: Profile) -> None:
    """It has known answers, some that say nothing, and what is encoded for a simulated one is decoded again."""
    assert list(shortcomings(CATALOGUE, profile)) == []


@pytest.mark.parametrize(("profile", "vector"), SEALED, ids=[vector.title for _, vector in SEALED])
def test_any_flipped_bit_of_a_sealed_frame_is_noticed(profile: Profile, vector: Vector) -> None:
    """No bit can be changed so that a proven frame says something else."""
    heard = heard_of(profile, vector)
    assert isinstance(heard, Advert)
    whole = decoded(CATALOGUE, vector, heard, profile.name)

    for uuid, data in heard.service_data.items():
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << (bit % 8)
            forged = replace(heard, service_data={**heard.service_data, uuid: bytes(flipped)})
            outcome = decoded(CATALOGUE, vector, forged, profile.name)
            assert outcome.readings in {(), whole.readings} or not whole.proven


def test_a_sealed_frame_is_opened_somewhere() -> None:
    """The test above has something to test."""
    assert any(
        decoded(CATALOGUE, vector, heard_of(profile, vector), None).proven for profile, vector in SEALED
    )


def test_every_object_of_bthome_has_a_known_answer() -> None:
    """No row of the BTHome table goes untested against bytes that we did not make ourselves."""
    answered = {
        (reading.kind, reading.exponent)
        for profile, vector in VECTORS
        for reading in decoded(CATALOGUE, vector, heard_of(profile, vector), None).readings
        if profile.layout is Layout.BTHOME_V2
    }
    rows = CATALOGUE.profile("bthome_v2").objects
    wanted = {(field.kind, field.exponent) for field in rows if field.kind != "packet_id"}

    assert wanted - answered == set()


def test_every_model_has_bytes_of_its_own_that_are_decoded() -> None:
    """No model is believed to work only because nothing is asked of it."""
    answered = {profile.name for profile, vector in VECTORS if vector.status == Status.DECODED.value}

    assert answered == set(CATALOGUE.models)
