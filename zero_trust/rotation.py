"""The next bundle of a site: new roots and issuing authorities beside those that came last, older ones gone. Pure.

It is made whole and walked through before anybody writes a byte of it, so that a rehearsal is the real thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography import x509

from zero_trust import keys
from zero_trust.authority import SERIAL_BYTES, Issuer, make_data_authority, make_root, make_tls_authority
from zero_trust.bundle import LIFE_MS, first_bundle, read_bundle, sign_bundle, walk
from zero_trust.credential import certificate_bytes, certificate_key
from zero_trust.errors import TrustError
from zero_trust.trust_set import Certificates, TrustSet
from zero_trust.voucher import root_hash


@dataclass(frozen=True, slots=True)
class Rotation:
    """A site's next bundle, and the keys that it needs from then on.

    Attributes:
        before: what hubs believe now.
        after: what they will believe.
        packed: the bundle.
        roots: the new roots, if there are any.
        tls: the new authority that issues TLS certificates.
        data: the new authority that certifies signing keys.
        missing: versions of old that are not there: a hub that has the one before cannot walk.
    """

    before: TrustSet
    after: TrustSet
    packed: bytes = field(repr=False)
    roots: tuple[Issuer, ...]
    tls: Issuer
    data: Issuer
    missing: tuple[int, ...]

    @property
    def leaving(self) -> Certificates:
        """The roots that are believed no more."""
        return tuple(root for root in self.before.roots if root not in self.after.roots)


@dataclass(frozen=True, slots=True)
class Press:
    """Makes keys and certificates, all at one moment."""

    site: str
    now_ms: int
    entropy: Callable[[int], bytes]

    def root(self) -> Issuer:
        """A new root."""
        return make_root(keys.generate_key(), site=self.site, now_ms=self.now_ms, serial=self._serial())

    def authorities(self, root: Issuer) -> tuple[Issuer, Issuer]:
        """New issuing authorities under ``root``: TLS, data."""
        tls, data = (
            make(root, keys.generate_key(), site=self.site, now_ms=self.now_ms, serial=self._serial())
            for make in (make_tls_authority, make_data_authority)
        )
        return tls, data

    def _serial(self) -> bytes:
        return self.entropy(SERIAL_BYTES)


def rotate(
    bundles: Mapping[int, bytes],
    root_keys: Sequence[keys.PrivateKey],
    *,
    roots: int,
    threshold: int | None,
    now_ms: int,
    entropy: Callable[[int], bytes],
) -> Rotation:
    """Make the next bundle, and walk a hub of every version to it.

    Args:
        bundles: all of the site's, by version.
        root_keys: those at hand, of roots of the newest bundle.
        roots: how many new roots; with none, only the issuing authorities are new.
        threshold: how many roots must sign the bundle after this one; None: as many as now.
        now_ms: wall clock.
        entropy: gives so many random bytes.

    Raises:
        TrustError: ``rotation-keys-missing``, or ``rotation-not-sound``: what is there does not lead on.
    """
    trusts = _read(bundles)
    before, press = trusts[-1], Press(trusts[-1].site, now_ms, entropy)
    at_hand = _at_hand(before, root_keys)
    new = tuple(press.root() for _ in range(roots))
    lasting = _came_last(trusts)
    tls, data = press.authorities(new[0] if new else _issuing(lasting, at_hand))
    after = replace(
        before,
        roots=(*(root.certificate for root in new), *(lasting if new else before.roots)),
        tls_authorities=(tls.certificate, before.tls),
        data_authorities=(data.certificate, before.data),
        version=before.version + 1,
        threshold=before.threshold if threshold is None else threshold,
        expires_ms=now_ms + LIFE_MS,
    )
    packed = sign_bundle(after, [*(root.key for root in at_hand), *(root.key for root in new)])
    _rehearse(trusts, bundles, after, packed)
    missing = tuple(version for version in range(1, before.version) if version not in bundles)
    return Rotation(before, after, packed, new, tls, data, missing)


def _read(bundles: Mapping[int, bytes]) -> list[TrustSet]:
    try:
        trusts = {version: read_bundle(bundles[version]).trust for version in sorted(bundles)}
    except TrustError as error:
        raise TrustError("rotation-not-sound", str(error)) from error
    for version, trust in trusts.items():
        if trust.version != version:
            raise TrustError("rotation-not-sound", f"bundle {version} holds version {trust.version}")
    return list(trusts.values())


def _at_hand(trust: TrustSet, root_keys: Sequence[keys.PrivateKey]) -> list[Issuer]:
    """The roots of which there is a key; enough to sign."""
    by_name = {keys.fingerprint(key.public_key()): key for key in root_keys}
    names = {keys.fingerprint(certificate_key(root)): root for root in trust.roots}
    found = [Issuer(names[name], by_name[name]) for name in names if name in by_name]
    if len(found) < trust.threshold:
        told = f"of {len(trust.roots)} roots {trust.threshold} must sign, {len(found)} can"
        raise TrustError("rotation-keys-missing", told)
    return found


def _came_last(trusts: Sequence[TrustSet]) -> Certificates:
    """The roots that came with the latest bundle that brought any."""
    known: set[x509.Certificate] = set()
    last: Certificates = ()
    for trust in trusts:
        last = tuple(root for root in trust.roots if root not in known) or last
        known.update(trust.roots)
    return last


def _issuing(lasting: Certificates, at_hand: Sequence[Issuer]) -> Issuer:
    """The root under which new authorities come: one that stays at the next roll-over, or they would go with it."""
    for root in at_hand:
        if root.certificate in lasting:
            return root
    raise TrustError("rotation-keys-missing", "none of the newest roots")


def _rehearse(
    trusts: Sequence[TrustSet], bundles: Mapping[int, bytes], after: TrustSet, packed: bytes
) -> None:
    """A hub that is enrolled now believes the new bundle, and one that was enrolled long ago walks there."""
    try:
        first_bundle(packed, root_hash(certificate_bytes(after.root)))
        start = next(at for at in range(len(trusts)) if _unbroken(trusts[at:]))
        steps = [bundles[trust.version] for trust in trusts[start + 1 :]]
        walk(trusts[start], [*steps, packed])
    except TrustError as error:
        raise TrustError("rotation-not-sound", str(error)) from error


def _unbroken(trusts: Sequence[TrustSet]) -> bool:
    return [trust.version for trust in trusts] == list(range(trusts[0].version, trusts[-1].version + 1))
