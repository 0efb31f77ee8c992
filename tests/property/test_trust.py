"""Properties of trust: any altered byte is refused, any missing fact is a no, damage is never a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.trust import HUB, NOW_MS
from zero_trust import enrolment, envelope, keys, voucher
from zero_trust.errors import EnvelopeError, TrustError
from zero_trust.names import HUB_ID_ENTROPY_BYTES, check_hub_id, new_hub_id, parse_name
from zero_trust.policy import BatchFacts, ConnectionFacts, Standing, admit_batch, admit_connection
from zero_trust.renewal import Question, ask_renewal, read_question
from zero_trust.trust_set import TrustSet

T = TypeVar("T")
R = TypeVar("R")

DATA_KEY = keys.generate_key()
SITE_KEY = X25519PrivateKey.generate()
SITE_KEYS = {envelope.site_key_id(SITE_KEY.public_key()): SITE_KEY}
CONNECTION = ConnectionFacts(HUB, NOW_MS + 1, Standing.ENROLLED, HUB.hub, NOW_MS, in_line=True)
BATCH = BatchFacts(HUB.hub, Standing.ENROLLED, NOW_MS, NOW_MS + 1, NOW_MS)


@given(body=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_in_a_signed_batch_is_refused(body: bytes, data: st.DataObject) -> None:
    """In the body or in the signature."""
    signed = envelope.sign_inside(DATA_KEY, body, HUB.site, HUB.hub)
    place, bit = data.draw(st.integers(0, len(signed) - 1)), data.draw(st.integers(0, 7))

    assert envelope.verify_inside(DATA_KEY.public_key(), signed, HUB.site, HUB.hub) == body
    with pytest.raises(EnvelopeError):
        envelope.verify_inside(DATA_KEY.public_key(), _flipped(signed, place, bit), HUB.site, HUB.hub)


@given(signed=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_in_an_envelope_is_refused(signed: bytes, data: st.DataObject) -> None:
    """In the key id, the encapsulated key, the content or the tag."""
    sealed = envelope.seal(signed, SITE_KEY.public_key(), HUB.hub)
    place, bit = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(0, 7))

    assert envelope.open_sealed(sealed, SITE_KEYS, HUB.hub) == signed
    # X25519 ignores the top bit of the encapsulated key (RFC 7748 section 5), but HPKE binds its bytes.
    with pytest.raises(EnvelopeError):
        envelope.open_sealed(_flipped(sealed, place, bit), SITE_KEYS, HUB.hub)


@given(sealed=st.binary(max_size=300))
def test_no_bytes_crash_the_opening(sealed: bytes) -> None:
    """Strangers' bytes, with and without a known key id, are refused in our own words."""
    for candidate in (sealed, next(iter(SITE_KEYS)) + sealed):
        with pytest.raises(EnvelopeError):
            envelope.open_sealed(candidate, SITE_KEYS, HUB.hub)


@pytest.mark.parametrize("fact", [field.name for field in fields(ConnectionFacts)])
def test_a_connection_without_any_one_fact_is_refused(fact: str) -> None:
    """Missing evidence is a no."""
    assert admit_connection(CONNECTION).allow
    assert not admit_connection(replace(CONNECTION, **{fact: None})).allow


@pytest.mark.parametrize("fact", [field.name for field in fields(BatchFacts)])
def test_a_batch_without_any_one_fact_is_refused(fact: str) -> None:
    """Missing evidence is a no."""
    assert admit_batch(BATCH).allow
    assert not admit_batch(replace(BATCH, **{fact: None})).allow


@given(
    client_id=st.none() | st.text(max_size=20) | st.just(HUB.hub),
    standing=st.none() | st.sampled_from(Standing),
    now_ms=st.integers(NOW_MS - 5, NOW_MS + 5),
    in_line=st.none() | st.booleans(),
)
def test_only_the_one_good_combination_connects(
    client_id: str | None, standing: Standing | None, now_ms: int, in_line: bool | None
) -> None:
    """Allowed means: own id, enrolled, before the end, in line; refused means: no rights and a code."""
    facts = {"client_id": client_id, "standing": standing, "now_ms": now_ms, "in_line": in_line}
    decision = admit_connection(replace(CONNECTION, **facts))  # type: ignore[arg-type]  # several types
    held = standing is Standing.QUARANTINED and in_line is not None
    in_order = held or (standing is Standing.ENROLLED and in_line is True)
    good = client_id == HUB.hub and now_ms < NOW_MS + 1 and in_order

    assert decision.allow == good
    assert bool(decision.code) == bool(not decision.publish) == (not good)


@given(packed=st.binary(max_size=200))
def test_no_bytes_crash_a_reader(packed: bytes) -> None:
    """Whatever a stranger sends, each reader answers in our own words."""
    for read in (
        enrolment.read_request,
        read_question,
        TrustSet.unpack,
        enrolment.Answer.unpack,
        keys.public_key,
    ):
        with pytest.raises(TrustError):
            read(packed)


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_no_flipped_bit_crashes_a_reader_of_questions(place: int, bit: int) -> None:
    """A damaged question is read, or refused in our own words."""
    packed = ask_renewal(DATA_KEY, DATA_KEY, HUB.hub, bytes(16), bundle=1)
    damaged = _flipped(packed, place % len(packed), bit)
    outcome = _outcome(read_question, damaged)

    assert outcome == "request-malformed" or (
        isinstance(outcome, Question) and outcome != read_question(packed)
    )


@given(
    octets=st.binary(min_size=5, max_size=5),
    root=st.binary(max_size=40),
    port=st.integers(1, 65535),
    host=st.sampled_from(["h", "hubs.example.org", "192.0.2.7", "2001:db8::7"]),
)
def test_every_voucher_survives_its_text(octets: bytes, root: bytes, port: int, host: str) -> None:
    """Whatever the random parts are."""
    made = voucher.Voucher(
        host, port, voucher._symbols(octets, 8), voucher._symbols(octets[::-1], 8), voucher.root_hash(root)
    )

    assert voucher.parse_voucher(made.text) == made


@given(text=st.text(max_size=120) | st.from_regex(r"LUM1:[a-z]{1,5}:[0-9]{1,5}:\w{8}:\w{8}-\w{2}:\w{26}"))
def test_no_text_crashes_the_voucher_reader(text: str) -> None:
    """It is a voucher, or it is refused in our own words."""
    outcome = _outcome(voucher.parse_voucher, text)

    assert outcome in {"voucher-missing", "voucher-malformed"} or isinstance(outcome, voucher.Voucher)


@given(entropy=st.binary(min_size=HUB_ID_ENTROPY_BYTES, max_size=HUB_ID_ENTROPY_BYTES))
def test_every_hub_id_is_one(entropy: bytes) -> None:
    """Whatever the random source gives."""
    assert check_hub_id(new_hub_id(entropy))


@given(uri=st.text(max_size=80))
def test_no_text_crashes_the_name_reader(uri: str) -> None:
    """It is a name whose URI is the text, or it is refused."""
    outcome = _outcome(parse_name, uri)

    assert outcome == "name-malformed" or (not isinstance(outcome, str) and outcome.uri == uri)


def _outcome(read: Callable[[T], R], value: T) -> R | str:
    """What ``read`` gives, or the code under which it refuses."""
    try:
        return read(value)
    except TrustError as refused:
        return refused.code


def _flipped(octets: bytes, place: int, bit: int) -> bytes:
    return octets[:place] + bytes([octets[place] ^ 1 << bit]) + octets[place + 1 :]
