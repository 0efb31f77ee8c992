"""What an enrolled hub asks its authority, both halves: a fresh TLS certificate, or its standing.

Each question is signed by the identity key over a nonce from the authority, so it needs no
certificate of any age: the same message works after an hour or after months offline.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zero_trust import fields, keys
from zero_trust.envelope import sign_tagged, verify_tagged
from zero_trust.errors import CredentialError, SignatureError, TrustError
from zero_trust.policy import Standing, admit_standing
from zero_trust.reasons import Refused

VERSION: Final = 3
NONCE_BYTES: Final = 16
BUNDLE_MAX: Final = 2**31 - 1

_QUESTION_TAG: Final = b"lum-question-1\0"
_TLS_PROOF_TAG: Final = b"lum-tls-proof-1\0"


class Ask(enum.Enum):
    """What a hub may ask."""

    RENEW = "renew"
    STANDING = "standing"


@dataclass(frozen=True, slots=True)
class Question:
    """A hub's question, read but not yet believed.

    Attributes:
        ask: what it wants.
        hub: id it claims.
        nonce: from the authority.
        tls: for a renewal the new TLS key, DER SubjectPublicKeyInfo; else empty.
        last: for a renewal the serial of the last certificate, if it knows of one; else empty.
        bundle: version of the bundle that it believes.
        signed: the bytes under the identity key's signature, and the signature.
        tls_proof: for a renewal the TLS key's signature; else empty.
    """

    ask: Ask
    hub: str
    nonce: bytes
    tls: bytes
    last: bytes
    bundle: int
    signed: bytes
    tls_proof: bytes


def ask_renewal(
    identity: keys.PrivateKey,
    tls: keys.PrivateKey,
    hub: str,
    nonce: bytes,
    last: bytes = b"",
    *,
    bundle: int,
) -> bytes:
    """Ask for a TLS certificate (hub); proves identity and possession of the TLS key.

    ``last`` is the serial of the last certificate it got, by which a copied card shows; see ``lineage.py``.
    ``bundle`` is the version of the bundle that it believes: operations see who has which.
    """
    public = keys.public_bytes(tls.public_key())
    signed = _sign(identity, Ask.RENEW, hub, nonce, public, last, bundle=bundle)
    return fields.pack(signed, keys.sign(tls, _TLS_PROOF_TAG + signed))


def ask_standing(identity: keys.PrivateKey, hub: str, nonce: bytes, *, bundle: int) -> bytes:
    """Ask how this hub stands (hub), and which bundle is the newest; ``bundle`` as for :func:`ask_renewal`."""
    return fields.pack(_sign(identity, Ask.STANDING, hub, nonce, bundle=bundle), b"")


def read_question(packed: bytes) -> Question:
    """Read a question (authority). Nothing in it is believed yet.

    Raises:
        TrustError: ``request-malformed``.
    """
    signed, tls_proof = fields.unpack(packed, (bytes, bytes))
    body = signed[: -keys.SIGNATURE_BYTES]
    layout = (int, str, str, bytes, bytes, bytes, int)
    version, ask, hub, nonce, tls, last, bundle = fields.unpack(body, layout)
    if version != VERSION or ask not in {kind.value for kind in Ask} or not 0 <= bundle <= BUNDLE_MAX:
        raise CredentialError("request-malformed", f"version {version}, {ask[:16]!r}")
    return Question(Ask(ask), hub, nonce, tls, last, bundle, signed, tls_proof)


def judge_question(
    question: Question, ask: Ask, *, identity: bytes | None, standing: Standing | None, nonce_fresh: bool
) -> Refused | None:
    """Judge a question (authority); None means: answer it.

    A revoked or suspended hub is refused renewal, but may still learn its standing. Whether a renewal is in
    line with the ones before is for ``lineage.py`` to judge.

    Args:
        question: as read.
        ask: what the address it came to is for.
        identity: the hub's identity key as registered; None if the hub is unknown.
        standing: as registered.
        nonce_fresh: whether the authority gave out this nonce, lately, and saw it not used.
    """
    if question.ask is not ask:
        return Refused("request-malformed", f"a question for {question.ask.value}")
    if not nonce_fresh:
        return Refused("nonce-unknown")
    if identity is None or standing is None:
        return Refused("hub-unknown")
    try:
        verify_tagged(keys.public_key(identity), _QUESTION_TAG, question.signed, code="identity-proof-wrong")
    except SignatureError as error:
        return Refused(error.code)
    if ask is Ask.STANDING:
        return None
    return _judge_renewal(question, standing)


class Nonces:
    """The nonces an authority has given out: each good once, for a while, and not too many."""

    def __init__(self, *, age_max_ms: int, count_max: int, entropy: Callable[[int], bytes]) -> None:
        self._age_max_ms = age_max_ms
        self._count_max = count_max
        self._entropy = entropy
        self._given: OrderedDict[bytes, int] = OrderedDict()

    def give(self, now_ms: int) -> bytes:
        """Make a nonce; beyond ``count_max`` the oldest is forgotten, and whoever got it asks again."""
        nonce = self._entropy(NONCE_BYTES)
        self._given[nonce] = now_ms
        if len(self._given) > self._count_max:
            self._given.popitem(last=False)
        return nonce

    def take(self, nonce: bytes, now_ms: int) -> bool:
        """Whether ``nonce`` is good; it never is again."""
        given_ms = self._given.pop(nonce, None)
        return given_ms is not None and 0 <= now_ms - given_ms <= self._age_max_ms


def _judge_renewal(question: Question, standing: Standing) -> Refused | None:
    if refused := admit_standing(standing):
        return Refused(refused)
    try:
        tls = keys.public_key(question.tls)
        keys.verify(tls, question.tls_proof, _TLS_PROOF_TAG + question.signed, code="no-proof-of-possession")
    except TrustError as error:
        return Refused(error.code)
    return None


def _sign(
    identity: keys.PrivateKey,
    ask: Ask,
    hub: str,
    nonce: bytes,
    tls: bytes = b"",
    last: bytes = b"",
    *,
    bundle: int,
) -> bytes:
    return sign_tagged(
        identity, _QUESTION_TAG, fields.pack(VERSION, ask.value, hub, nonce, tls, last, bundle)
    )
