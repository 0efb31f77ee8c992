"""The rules by which hubs are let in: vouchers, enrolment, renewal, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hil_tests.attack.rules.rule import Rule, altered, believes, forgives, gives

ENROLMENT, RENEWAL, LINEAGE, TIME = (
    f"zero_trust.{name}" for name in ("enrolment", "renewal", "lineage", "timekeeping")
)
SIGNATURE_BYTES = 64
FOR_EVER = 2**60


def _row(**changes: Any) -> Any:
    """``_refusal_code`` of another row."""
    return altered(lambda request, row, **named: ((request, replace(row, **changes)), named))


def _granted(_original: Any) -> Any:
    def judged(_request: Any, row: Any) -> Any:
        from zero_trust.enrolment import Granted  # noqa: PLC0415 - in the site's process

        return Granted(row.home)

    return judged


def _any_key(_original: Any) -> Any:
    def read(spki: bytes) -> Any:
        from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - as above

        return load_der_public_key(spki)

    return read


def _two_duties(original: Any) -> Any:
    def judged(request: Any, row: Any, **named: Any) -> Any:
        code = original(request, row, **named)
        return "" if request.identity == request.data and code == "no-proof-of-possession" else code

    return judged


def _whole_body(_original: Any) -> Any:
    async def read(request: Any, _max_bytes: int) -> Any:
        return await request.body()

    return read


def _given_again(_original: Any) -> Any:
    def take(self: Any, nonce: bytes, _now_ms: int) -> bool:
        return nonce in self._given

    return take


def _of_any_age(_original: Any) -> Any:
    def take(self: Any, nonce: bytes, _now_ms: int) -> bool:
        return self._given.pop(nonce, None) is not None

    return take


def _own_place(original: Any) -> Any:
    def judged(question: Any, _ask: Any, **named: Any) -> Any:
        return original(question, question.ask, **named)

    return judged


def _absence(outcome: str, start: str) -> Any:
    """``judge`` without one of the two bounds of an absence."""

    def without(original: Any) -> Any:
        def judged(line: Any, **named: Any) -> Any:
            said = original(line, **named)
            forgiven = type(said).__name__ == outcome and getattr(said, "held", "").startswith(start)
            return original(replace(line, renewed_ms=named["now_ms"]), **named) if forgiven else said

        return judged

    return without


def _first_fields(_original: Any) -> Any:
    def unpack(packed: bytes, layout: Any, **_named: Any) -> Any:
        import msgpack  # noqa: PLC0415 - as above

        return msgpack.unpackb(packed)[: len(layout)]

    return unpack


def _echo(original: Any) -> Any:
    def believed(packed: bytes, trust: Any, _nonce: bytes, **named: Any) -> Any:
        from zero_trust.fields import unpack  # noqa: PLC0415 - as above

        signed, _ = unpack(packed, (bytes, bytes))
        return original(packed, trust, unpack(signed[:-SIGNATURE_BYTES], (int, bytes, int))[1], **named)

    return believed


def _unsigned(_original: Any) -> Any:
    return lambda _public, _tag, signed, **_named: signed[:-SIGNATURE_BYTES]


def _unbounded(original: Any, *arguments: Any, **named: Any) -> Any:
    return original(*arguments, **{**named, "floor_ms": 0, "bounded": False})


RULES: Mapping[str, Rule] = {
    "voucher-checks-itself": Rule("zero_trust.voucher:_check", gives("00"), ("voucher-mistyped",)),
    "voucher-ends": Rule(f"{ENROLMENT}:_refusal_code", _row(expires_ms=FOR_EVER), ("voucher-found-later",)),
    "voucher-rests": Rule(
        f"{ENROLMENT}:_refusal_code", _row(locked_until_ms=0), ("voucher-guessed-again-and-again",)
    ),
    "guesses-are-counted": Rule(
        f"{ENROLMENT}:after_refusal", lambda _: lambda row, *_: row, ("voucher-guessed-again-and-again",)
    ),
    "code-is-proven": Rule(
        f"{ENROLMENT}:_mac",
        gives(bytes(32)),
        ("voucher-code-guessed", "enrolment-key-swapped-on-the-way"),
    ),
    "voucher-is-for-one-hub": Rule(
        f"{ENROLMENT}:_judge_again", _granted, ("voucher-used-twice", "four-words-of-another")
    ),
    "keys-are-proven": Rule(
        f"{ENROLMENT}:_proven",
        gives(True),
        ("enrolment-without-the-identity-key", "enrolment-without-the-data-key"),
    ),
    "one-key-one-duty": Rule(
        f"{ENROLMENT}:_refusal_code", _two_duties, ("enrolment-with-one-key-for-two-duties",)
    ),
    "one-identity-one-hub": Rule(
        f"{ENROLMENT}:judge",
        altered(lambda *arguments, **named: (arguments, {**named, "identity_known": False})),
        ("enrolment-of-a-stolen-identity",),
    ),
    "keys-are-p256-in-one-spelling": Rule(
        "zero_trust.keys:public_key",
        _any_key,
        (
            "enrolment-of-an-rsa-key",
            "enrolment-of-a-key-on-another-curve",
            "enrolment-of-a-key-in-another-spelling",
            "enrolment-csr-with-foreign-names",
        ),
    ),
    "requests-are-small": Rule(
        "cloud_sync.receiver.http:read_body", _whole_body, ("enrolment-oversized", "renewal-oversized")
    ),
    "silence-is-hung-up-on": Rule(
        "cloud_sync.receiver.prompt:PromptProtocol.hang_up_if_silent",
        gives(None),
        ("connections-that-say-nothing", "requests-that-never-end"),
    ),
    "requests-hold-nothing-more": Rule(
        "zero_trust.fields:unpack", _first_fields, ("renewal-with-a-wish", "voucher-for-another-home")
    ),
    "root-is-the-vouchers": Rule(
        "zero_trust.voucher:root_hash", gives(bytes(16)), ("false-site-with-its-own-root",)
    ),
    "identity-is-proven": Rule(
        f"{RENEWAL}:judge_question",
        forgives("identity-proof-wrong"),
        ("renewal-in-anothers-name", "renewal-with-the-data-key", "standing-of-another-hub"),
    ),
    "nonce-is-good-once": Rule(f"{RENEWAL}:Nonces.take", _given_again, ("renewal-replayed",)),
    "nonce-ages": Rule(f"{RENEWAL}:Nonces.take", _of_any_age, ("renewal-over-an-old-nonce",)),
    "nonce-is-the-sites": Rule(f"{RENEWAL}:Nonces.take", gives(True), ("renewal-over-an-invented-nonce",)),
    "tls-key-is-proven": Rule(
        f"{RENEWAL}:_judge_renewal", forgives("no-proof-of-possession"), ("renewal-for-a-key-not-held",)
    ),
    "question-has-its-place": Rule(
        f"{RENEWAL}:judge_question", _own_place, ("renewal-by-a-question-of-standing",)
    ),
    "long-absence-is-suspended": Rule(
        f"{LINEAGE}:judge", _absence("TooLong", ""), ("renewal-after-200-days",)
    ),
    "absence-is-held": Rule(f"{LINEAGE}:judge", _absence("Next", "it was off"), ("renewal-after-45-days",)),
    "certificates-follow": Rule(f"{LINEAGE}:_follows", gives(True), ("renewal-of-a-copied-card",)),
    "newest-certificate-alone": Rule(
        f"{LINEAGE}:used",
        lambda _: lambda line, _serial: line,
        ("certificate-superseded", "certificate-by-a-stolen-authority"),
    ),
    "time-answers-its-nonce": Rule(f"{TIME}:believe_time", _echo, ("time-replayed",)),
    "time-never-goes-back": Rule(
        f"{TIME}:believe_time", believes("time-went-back", _unbounded), ("time-set-back",)
    ),
    "time-is-plausible": Rule(
        f"{TIME}:believe_time", believes("time-implausible", _unbounded), ("time-far-ahead",)
    ),
    "time-is-signed": Rule(f"{TIME}:verify_tagged", _unsigned, ("time-signed-by-a-stranger", "time-altered")),
}
