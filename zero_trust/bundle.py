"""Bundles: numbered trust sets under the roots' signatures, each the only way to the next. Pure.

A bundle is believed by whoever believes the one before it: it must be signed by the threshold of that one's
roots and of its own, and its number must be the next. So a hub that was asleep walks from its own version to
the newest, over any network and without a clock. ``TRUST.md`` gives the bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from zero_trust import fields, keys
from zero_trust.credential import Use, certificate_bytes, certificate_key
from zero_trust.errors import CredentialError, RollbackError, SignatureError, TrustError
from zero_trust.keys import SIGNATURE_BYTES, PrivateKey
from zero_trust.names import HubName, ServiceName
from zero_trust.trust_set import Certificates, TrustSet
from zero_trust.voucher import root_hash

LIFE_MS: Final = 731 * 86_400_000  # as long as the issuing authorities that are made with it
WARN_MS: Final = 180 * 86_400_000  # before the end: a hub may be off so long
SIGNATURES_MAX: Final = 16

_TAG: Final = b"lum-bundle-1\0"
_KEY_BYTES: Final = 32
_ENTRY_BYTES: Final = _KEY_BYTES + SIGNATURE_BYTES
_MALFORMED: Final = "answer-not-believed"
_UNSIGNED: Final = "bundle-not-signed"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, read but not believed.

    Attributes:
        trust: what it says.
        body: the bytes that are signed.
        signatures: by the fingerprint of the key, in the order of the fingerprints.
    """

    trust: TrustSet
    body: bytes
    signatures: tuple[tuple[bytes, bytes], ...]


def sign_bundle(trust: TrustSet, root_keys: Iterable[PrivateKey]) -> bytes:
    """Sign a trust set with keys of roots, those of the version before among them."""
    body = trust.packed
    by_name = {keys.fingerprint(key.public_key()): key for key in root_keys}
    signed = b"".join(name + keys.sign(by_name[name], _TAG + body) for name in sorted(by_name))
    return fields.pack(body, signed)


def read_bundle(packed: bytes) -> Bundle:
    """Read what :func:`sign_bundle` gave. Says nothing about whether to believe it.

    Raises:
        TrustError: ``answer-not-believed``.
    """
    body, signed = fields.unpack(packed, (bytes, bytes), code=_MALFORMED)
    if packed != fields.pack(body, signed):  # one spelling only: every byte counts
        raise CredentialError(_MALFORMED, "a bundle in another spelling")
    entries = [signed[at : at + _ENTRY_BYTES] for at in range(0, len(signed), _ENTRY_BYTES)]
    names = [entry[:_KEY_BYTES] for entry in entries]
    if len(signed) % _ENTRY_BYTES or not 1 <= len(entries) <= SIGNATURES_MAX or names != sorted(set(names)):
        raise CredentialError(_MALFORMED, "a bundle with malformed signatures")
    signatures = tuple((entry[:_KEY_BYTES], entry[_KEY_BYTES:]) for entry in entries)
    return Bundle(TrustSet.unpack(body), body, signatures)


def first_bundle(packed: bytes, believed: bytes) -> TrustSet:
    """Begin to believe: the root whose hash a voucher names is in the bundle and has signed it.

    Args:
        packed: the bundle, of any version.
        believed: hash of one root's certificate, as in a voucher.

    Raises:
        CredentialError: ``root-not-believed``, or ``answer-not-believed``.
        SignatureError: ``bundle-not-signed``.
    """
    bundle = read_bundle(packed)
    named = [root for root in bundle.trust.roots if root_hash(certificate_bytes(root)) == believed]
    if not named:
        raise CredentialError("root-not-believed")
    signers = _signers(bundle, bundle.trust.roots, strangers=True)  # such as roots that left with it
    _check_threshold(signers, named, 1)
    _check_threshold(signers, bundle.trust.roots, bundle.trust.threshold)
    return bundle.trust


def kept_bundle(packed: bytes) -> TrustSet:
    """Read a bundle that was believed when it was kept: signed by its own roots, so no byte has changed since.

    Raises:
        TrustError: ``answer-not-believed`` or ``bundle-not-signed``: it is damaged.
    """
    bundle = read_bundle(packed)
    signers = _signers(bundle, bundle.trust.roots, strangers=True)
    _check_threshold(signers, bundle.trust.roots, bundle.trust.threshold)
    return bundle.trust


def next_bundle(trust: TrustSet, packed: bytes) -> TrustSet:
    """Go one step: from the trust set that is believed to its successor.

    Raises:
        RollbackError: ``bundle-out-of-turn``: not the next version.
        SignatureError: ``bundle-not-signed``: by too few roots of either version, or a signature is wrong.
        CredentialError: ``answer-not-believed``: malformed, or of another site.
    """
    bundle = read_bundle(packed)
    new = bundle.trust
    if new.site != trust.site:
        raise CredentialError(_MALFORMED, f"a bundle of {new.site}")
    if new.version != trust.version + 1:
        raise RollbackError("bundle-out-of-turn", f"version {new.version} after version {trust.version}")
    signers = _signers(bundle, (*trust.roots, *new.roots))
    _check_threshold(signers, trust.roots, trust.threshold)
    _check_threshold(signers, new.roots, new.threshold)
    return new


def walk(trust: TrustSet, bundles: Iterable[bytes]) -> TrustSet:
    """Go through ``bundles``, each the next; raises as :func:`next_bundle`."""
    for packed in bundles:
        trust = next_bundle(trust, packed)
    return trust


def history(root: x509.Certificate, bundles: Iterable[bytes]) -> tuple[TrustSet, ...]:
    """The trust sets that follow from one root: for an auditor, who was handed it and believes nothing else.

    What does not follow is left out, and what is certified by it alone will not be believed.
    """
    trusts: list[TrustSet] = []
    for packed in bundles:
        with contextlib.suppress(TrustError):
            first = root_hash(certificate_bytes(root))
            trusts.append(next_bundle(trusts[-1], packed) if trusts else first_bundle(packed, first))
    return tuple(trusts)


def believed_by(
    trusts: Sequence[TrustSet], leaf: x509.Certificate, use: Use, now_ms: int
) -> HubName | ServiceName:
    """Believe a certificate if one of ``trusts`` does; raises what the last that knows its issuer says.

    Raises:
        CredentialError: with one of the ``certificate-`` codes.
    """
    trouble = CredentialError("certificate-untrusted")
    for trust in trusts:
        try:
            return trust.believe(leaf, use, now_ms)
        except CredentialError as error:
            trouble = trouble if error.code == "certificate-untrusted" else error
    raise trouble


def _signers(bundle: Bundle, roots: Certificates, *, strangers: bool = False) -> set[bytes]:
    """Who of ``roots`` signed. One signature that is wrong spoils the whole: nobody would have made it so."""
    known = {keys.fingerprint(certificate_key(root)): certificate_key(root) for root in roots}
    signatures = [(name, signature) for name, signature in bundle.signatures if name in known]
    if len(signatures) < len(bundle.signatures) and not strangers:
        raise SignatureError(_UNSIGNED, f"version {bundle.trust.version}, by a stranger too")
    for name, signature in signatures:
        keys.verify(known[name], signature, _TAG + bundle.body, code=_UNSIGNED)
    return {name for name, _ in signatures}


def _check_threshold(signers: set[bytes], roots: Sequence[x509.Certificate], threshold: int) -> None:
    count = sum(keys.fingerprint(certificate_key(root)) in signers for root in roots)
    if count < threshold:
        raise SignatureError(_UNSIGNED, f"by {count} of {len(roots)} roots, {threshold} must")
