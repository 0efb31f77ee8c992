"""Enrolment: one voucher, one hub; every other way in is refused, and a bad line costs nothing."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.helpers.trust import DAY_MS, HUB, NOW_MS, Site
from zero_trust import enrolment, fields, keys
from zero_trust.credential import Use, certificate_bytes
from zero_trust.errors import TrustError
from zero_trust.reasons import Refused
from zero_trust.voucher import LOCK_MS, VoucherRow, new_voucher

SITE = Site()
VOUCHER, ROW = new_voucher(
    home="h-17",
    host="127.0.0.1",
    port=8443,
    root_certificate=certificate_bytes(SITE.root.certificate),
    expires_ms=NOW_MS + 2 * DAY_MS,
    entropy=os.urandom,
)
IDENTITY, DATA, OTHER = keys.generate_key(), keys.generate_key(), keys.generate_key()
NONCE = bytes(range(16))
PACKED = enrolment.make_request(VOUCHER, IDENTITY, DATA, NONCE)
REQUEST = enrolment.read_request(PACKED)
WRONG_CODE = enrolment.read_request(
    enrolment.make_request(replace(VOUCHER, code="00000000"), IDENTITY, DATA, NONCE)
)


def judge(
    request: enrolment.Request = REQUEST,
    row: VoucherRow | None = ROW,
    *,
    identity_known: bool = False,
    now_ms: int = NOW_MS,
) -> enrolment.Granted | enrolment.Again | Refused:
    """Judge with everything in order but what the test changes."""
    return enrolment.judge(request, row, identity_known=identity_known, now_ms=now_ms)


def test_a_good_request_is_granted_for_the_vouchers_home() -> None:
    """The home comes from the voucher, never from the request."""
    assert judge() == enrolment.Granted("h-17")


def test_the_code_is_not_in_the_request() -> None:
    """Whoever reads the request learns the voucher's id, not its code."""
    assert VOUCHER.id.encode() in PACKED
    assert VOUCHER.code.encode() not in PACKED


USED = enrolment.after_use(ROW, REQUEST, b"answer")
SAME_KEYS = enrolment.read_request(enrolment.make_request(VOUCHER, IDENTITY, IDENTITY, NONCE))
REFUSALS: dict[str, tuple[dict[str, object], str]] = {
    "unknown voucher": ({"row": None}, "voucher-unknown"),
    "wrong code": ({"request": WRONG_CODE}, "voucher-code-wrong"),
    "expired voucher": ({"now_ms": NOW_MS + 2 * DAY_MS}, "voucher-expired"),
    "locked voucher": ({"row": replace(ROW, locked_until_ms=NOW_MS + 1)}, "voucher-locked"),
    "used voucher, another hub": (
        {"request": enrolment.read_request(enrolment.make_request(VOUCHER, OTHER, DATA, NONCE)), "row": USED},
        "voucher-used",
    ),
    "used voucher, wrong code": ({"request": WRONG_CODE, "row": USED}, "voucher-used"),
    "identity enrolled before": ({"identity_known": True}, "identity-already-enrolled"),
    "no proof by the identity key": (
        {"request": replace(REQUEST, identity_proof=REQUEST.data_proof)},
        "no-proof-of-possession",
    ),
    "no proof by the data key": (
        {"request": replace(REQUEST, data_proof=REQUEST.identity_proof)},
        "no-proof-of-possession",
    ),
    "one key for both duties": ({"request": SAME_KEYS}, "no-proof-of-possession"),
    "another body under the same MAC": (
        {"request": replace(REQUEST, body=REQUEST.body + b"\0")},
        "voucher-code-wrong",
    ),
}


@pytest.mark.parametrize("attack", REFUSALS)
def test_attacks_are_refused_under_their_code(attack: str) -> None:
    """Each named attack gets its own code."""
    changed, code = REFUSALS[attack]

    judgement = judge(**changed)  # type: ignore[arg-type]  # the table mixes the types of several arguments

    assert isinstance(judgement, Refused)
    assert judgement.code == code


def test_a_lost_answer_can_be_asked_again_even_after_expiry() -> None:
    """The same request gets the stored answer, whatever else has changed."""
    again = judge(row=USED, identity_known=True, now_ms=NOW_MS + 30 * DAY_MS)

    assert again == enrolment.Again(b"answer")


def test_five_wrong_codes_lock_for_ten_minutes_and_burn_nothing() -> None:
    """Then the right code works again."""
    row = ROW
    for _ in range(5):
        refused = judge(WRONG_CODE, row)
        assert isinstance(refused, Refused)
        row = enrolment.after_refusal(row, refused, NOW_MS)

    assert judge(row=row) == Refused("voucher-locked", ROW.id)
    assert judge(row=row, now_ms=NOW_MS + LOCK_MS) == enrolment.Granted("h-17")


def test_only_wrong_codes_count() -> None:
    """Other refusals leave the voucher as it was."""
    assert enrolment.after_refusal(ROW, Refused("no-proof-of-possession"), NOW_MS) == ROW


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xc1",
        PACKED[:-1],
        PACKED + b"\0",
        fields.pack(b"", b"", b"", b""),
        fields.pack("a", "b", "c", "d"),
    ],
)
def test_whatever_is_no_request_is_refused(packed: bytes) -> None:
    """Damage is refused before anything is looked up."""
    with pytest.raises(TrustError) as refused:
        enrolment.read_request(packed)

    assert refused.value.code == "request-malformed"


def test_requests_of_another_version_or_nonce_are_refused() -> None:
    """A future version, or a nonce that is too short to be one, is malformed today."""
    spki = keys.public_bytes(IDENTITY.public_key())
    for body in (fields.pack(3, "V", spki, spki, NONCE), fields.pack(2, "V", spki, spki, b"")):
        with pytest.raises(TrustError) as refused:
            enrolment.read_request(fields.pack(body, b"", b"", b""))
        assert refused.value.code == "request-malformed"


def test_a_kept_request_is_known_by_its_voucher() -> None:
    """The same voucher yes; another code under the same id, or damage, no."""
    assert enrolment.made_with(PACKED, VOUCHER)
    assert not enrolment.made_with(PACKED, replace(VOUCHER, code="00000000"))
    assert not enrolment.made_with(PACKED[:-1], VOUCHER)


def _answer(site: Site = SITE, key: keys.PrivateKey = DATA) -> bytes:
    certificate = site.leaf(key, HUB, Use.HUB_DATA)
    return enrolment.Answer(certificate, site.bundle, "127.0.0.1", 8883).packed


def test_the_hub_believes_the_answer_it_asked_for() -> None:
    """Name and trust set come out of it."""
    name, answer = enrolment.accept_answer(_answer(), VOUCHER.root_hash, DATA.public_key())

    assert (name, answer.trust, answer.broker_port) == (HUB, SITE.trust, 8883)


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (_answer(Site()), "root-not-believed"),
        (_answer(key=OTHER), "answer-not-believed"),
        (
            enrolment.Answer(Site().leaf(DATA, HUB, Use.HUB_DATA), SITE.bundle, "h", 1).packed,
            "certificate-untrusted",
        ),
        (
            enrolment.Answer(SITE.leaf(DATA, HUB, Use.HUB_TLS), SITE.bundle, "h", 1).packed,
            "certificate-untrusted",
        ),
        (fields.pack(1, b"", b"", "", 0), "answer-not-believed"),
        (b"", "answer-not-believed"),
    ],
    ids=["another site", "another key", "rogue certificate", "TLS certificate", "version 1", "nothing"],
)
def test_the_hub_refuses_other_answers(packed: bytes, code: str) -> None:
    """Whoever answers must be the voucher's site and speak of this hub's key."""
    with pytest.raises(TrustError) as refused:
        enrolment.accept_answer(packed, VOUCHER.root_hash, DATA.public_key())

    assert refused.value.code == code
