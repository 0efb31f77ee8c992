"""An enrolled hub's way to its authority: the time, a TLS certificate, its standing, the newest trust bundle.

HTTPS; blocking, so call it in a thread. Kept in the state directory: ``tls-serial``, by which the hub names its last TLS
certificate, and ``time-floor``, the last time that was believed. The TLS key lives in memory alone. No clock of this
machine is believed: the site signs the time (``ask_time``).
"""

from __future__ import annotations

import contextlib
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography import x509

from edge_agent.adapters import https
from edge_agent.adapters.bundle import TrustedBundle
from edge_agent.adapters.identity import HubIdentity
from edge_agent.core.batching import SOFTWARE_EPOCH_MS
from edge_agent.errors import AgentError, CredentialError, UplinkError
from zero_trust import fields, keys, timekeeping
from zero_trust.bundle import read_bundle
from zero_trust.credential import (
    Use,
    certificate_key,
    load_certificate,
    serial_bytes,
    validity_ms,
)
from zero_trust.errors import TrustError
from zero_trust.keystore import read_private, write_private
from zero_trust.renewal import NONCE_BYTES, ask_renewal, ask_standing
from zero_trust.tls import dated_context, hub_context, timeless_context, unproven_context
from zero_trust.trust_set import TrustSet

FLOOR_STEP_MS = 3_600_000  # the floor is kept this often: the card wears with every write

_PERHAPS_ROLLED = frozenset({"certificate-untrusted", "bundle-expired"})  # a newer bundle may mend it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TlsCredential:
    """A TLS certificate for the broker, and its key in memory.

    Attributes:
        chain: leaf, then its issuer.
        key: never written to a disk.
        bundle: whom to believe at the other end.
        starts_ms: wall clock.
        ends_ms: wall clock.
        held: code of the reason for which a person must confirm this hub; empty if nobody need.
    """

    chain: tuple[x509.Certificate, ...] = field(repr=False)
    key: keys.PrivateKey = field(repr=False)
    bundle: TrustedBundle = field(repr=False)
    starts_ms: int
    ends_ms: int
    held: str = ""

    @property
    def life_ms(self) -> int:
        """How long it is good from its issue."""
        return self.ends_ms - self.starts_ms

    @property
    def serial(self) -> bytes:
        """By which the authority knows it."""
        return serial_bytes(self.chain[0])

    def context(self, now_ms: Callable[[], int]) -> ssl.SSLContext:
        """For the connection to the broker, whose certificate is judged by ``now_ms``, wall clock."""
        return hub_context(dated_context(self.bundle.trust, now_ms), self.chain, self.key)


@dataclass(frozen=True, slots=True)
class SignedTime:
    """What time the site said it was, tied to this machine's boot clock.

    Attributes:
        at_ms: wall clock ...
        boot_ms: ... when CLOCK_BOOTTIME showed this.
        give_ms: it may be wrong by so much.
    """

    at_ms: int
    boot_ms: int
    give_ms: int

    def now_ms(self) -> int:
        """The wall clock now."""
        return self.at_ms + _boot_ns() // 1_000_000 - self.boot_ms


@dataclass(frozen=True, slots=True)
class HubStanding:
    """How the authority sees this hub.

    Attributes:
        good: whether it may speak and is believed.
        since_ms: since when it stands so, wall clock of the site.
        reason: what operations gave as reason; empty if the standing is good.
        code: empty if the standing is good, else as in the reasons.
        sentence: the same in words.
        hint: what to do, and who.
    """

    good: bool
    since_ms: int
    reason: str = ""
    code: str = ""
    sentence: str = ""
    hint: str = ""


def ask_time(identity: HubIdentity) -> SignedTime:
    """Ask what time it is. The floor below which no time is believed rises with the answer, and never sinks.

    Raises:
        UplinkError: the authority cannot be reached, or its answer cannot be believed.
    """
    floor_ms = earliest_ms(identity)
    host, port = identity.authority_host, identity.authority_port
    signed = _following(identity, lambda: site_time(host, port, identity.trust, floor_ms))
    if signed.at_ms - floor_ms >= FLOOR_STEP_MS:
        with contextlib.suppress(OSError):  # a card that takes nothing more must not cut the hub off as well
            write_private(identity.state_dir / "time-floor", fields.pack(signed.at_ms))
    return signed


def renew(
    identity: HubIdentity,
    key: keys.PrivateKey | None = None,
    old: TlsCredential | None = None,
    now_ms: Callable[[], int] | None = None,
) -> TlsCredential:
    """Get a fresh TLS certificate, proving the identity key over a nonce; works after any time offline.

    Its serial is kept before it is used, so a power cut at any moment leaves a hub that can renew.

    Args:
        identity: who asks.
        key: the new TLS key; the same again if an answer was lost. One is made if none is given.
        old: the certificate in hand; without one, the serial that was kept speaks for the last.
        now_ms: wall clock; the authority is asked for it if none is given.

    Raises:
        CredentialError: the authority refuses this hub; the sentence says what operations gave as reason.
        UplinkError: the authority cannot be reached or believed; keep the old certificate, call again.
    """
    key = key or keys.generate_key()
    last = old.serial if old else _last_serial(identity)
    try:
        credential = _following(identity, lambda: _renew(identity, key, last, now_ms))
    except CredentialError as refused:
        raise _with_reason(identity, refused, now_ms) from refused
    with contextlib.suppress(OSError):  # a card that takes nothing more must not cut the hub off as well
        write_private(identity.state_dir / "tls-serial", credential.serial)
    return credential


def standing(identity: HubIdentity, now_ms: Callable[[], int] | None = None) -> HubStanding:
    """Ask the authority how this hub stands, in words; ``now_ms`` as for :func:`renew`.

    Raises:
        CredentialError: the authority does not know this hub.
        UplinkError: the authority cannot be reached; call again.
    """
    answer = _following(identity, lambda: _standing(identity, now_ms))
    if not isinstance(answer, dict) or not all(
        isinstance(answer.get(key), int) for key in ("since_ms", "bundle")
    ):
        raise https.uplink_error("answer-not-believed")
    identity.bundle.doubted |= answer["bundle"] > identity.trust.version
    return HubStanding(
        good=answer.get("standing") == "enrolled",
        since_ms=answer["since_ms"],
        **{key: str(answer.get(key, "")) for key in ("reason", "code", "sentence", "hint")},
    )


def receipt_key(identity: HubIdentity, certificate: bytes, now_ms: int) -> keys.PublicKey:
    """The key that signs receipts and cursors, if the site's data authority certified it.

    Raises:
        CredentialError: of ``zero_trust``, with one of the ``certificate-`` codes.
    """
    try:
        return identity.trust.receipt_key(certificate, now_ms)
    except TrustError as error:
        identity.bundle.doubted |= error.code in _PERHAPS_ROLLED
        raise


def catch_up(identity: HubIdentity) -> bool:
    """Walk to the newest bundle of the site, step by step; True if that was at least one.

    Bundles prove themselves, so it does not matter who hands them over: the connection is not believed.

    Raises:
        UplinkError: the authority cannot be reached, what it shows does not follow, or nothing leads on from here.
    """
    bundle = identity.bundle
    with bundle.walking:
        began = bundle.trust.version
        while (packed := _bundle(identity, str(bundle.trust.version + 1))) is not None:
            try:
                bundle.step(packed)
            except TrustError as error:
                raise https.uplink_error(error.code, error.detail) from error
        if lost := _way_lost(identity):
            raise lost
        bundle.doubted = False
        return bundle.trust.version > began


def _following(identity: HubIdentity, ask: Callable[[], T]) -> T:
    """Ask; if the site shows an authority that this hub does not know, catch up, and ask once more."""
    before = identity.trust
    try:
        return ask()
    except UplinkError as error:
        if error.code not in _PERHAPS_ROLLED:
            raise
        try:
            walked = catch_up(identity) or identity.trust is not before
        except UplinkError as trouble:
            raise (trouble if trouble.code.startswith("bundle-") else error) from error
        if not walked:
            raise
    return ask()


def _way_lost(identity: HubIdentity) -> UplinkError | None:
    """Whether the site holds a bundle that this hub can never reach, or has gone back behind it."""
    packed, own = _bundle(identity, ""), identity.trust.version
    try:
        newest = read_bundle(packed or b"").trust.version
    except TrustError:
        return None
    if newest == own:
        return None
    code = "bundle-way-lost" if newest > own else "bundle-went-back"
    return https.uplink_error(code, f"this hub has version {own}, the site {newest}")


def _bundle(identity: HubIdentity, version: str) -> bytes | None:
    """A bundle as the site shows it, the newest if no version is named; None: it has none of this version."""
    path = f"/v1/bundle/{version}".rstrip("/")
    host, port = identity.authority_host, identity.authority_port
    try:
        return https.exchange_bytes(host, port, unproven_context(), "GET", path)
    except CredentialError as error:
        if error.code == "bundle-unknown":
            return None
        raise https.uplink_error("answer-not-believed", f"{host}:{port}") from error


def _renew(
    identity: HubIdentity, key: keys.PrivateKey, last: bytes, now_ms: Callable[[], int] | None
) -> TlsCredential:
    context = _context(identity, now_ms)
    nonce, version = _nonce(identity, context), identity.trust.version
    question = ask_renewal(identity.identity_key, key, identity.hub, nonce, last, bundle=version)
    packed = https.as_bytes(_ask(identity, context, "/v1/renew", question))
    try:
        return _tls_credential(packed, identity, key)
    except TrustError as error:
        raise https.uplink_error(error.code, error.detail) from error


def _standing(identity: HubIdentity, now_ms: Callable[[], int] | None) -> Any:
    context = _context(identity, now_ms)
    nonce, version = _nonce(identity, context), identity.trust.version
    question = ask_standing(identity.identity_key, identity.hub, nonce, bundle=version)
    return _ask(identity, context, "/v1/standing", question)


def _tls_credential(packed: bytes, identity: HubIdentity, key: keys.PrivateKey) -> TlsCredential:
    trust = identity.trust
    *answer, held = fields.unpack(packed, (bytes, bytes, str), code="answer-not-believed")
    certificate, issuer = map(load_certificate, answer)
    starts_ms, ends_ms = validity_ms(certificate)
    # At its own first moment: whether it is that time now is for the clock to say, not for the chain.
    name = trust.believe(certificate, Use.HUB_TLS, starts_ms)
    if name != identity.name or certificate_key(certificate) != key.public_key():
        raise TrustError("answer-not-believed", "the certificate is for another hub or key")
    return TlsCredential((certificate, issuer), key, identity.bundle, starts_ms, ends_ms, held)


def _last_serial(identity: HubIdentity) -> bytes:
    """The serial of the last certificate this hub got; empty if it never got one, or has forgotten."""
    try:
        return read_private(identity.state_dir / "tls-serial")
    except TrustError:
        return b""


def site_time(host: str, port: int, trust: TrustSet, floor_ms: int, *, bounded: bool = True) -> SignedTime:
    """Ask whoever answers there, and believe it if a root of ``trust`` stands behind it; ``bounded`` as ``believe_time``.

    Raises:
        UplinkError: nobody answers, or the answer cannot be believed.
    """
    nonce, asked = os.urandom(timekeeping.NONCE_BYTES), _boot_ns()
    packed = https.exchange_bytes(host, port, timeless_context(trust.roots), "POST", "/v1/time", nonce)
    answered = _boot_ns()
    try:
        told_ms = timekeeping.believe_time(packed, trust, nonce, floor_ms=floor_ms, bounded=bounded)
    except TrustError as error:
        raise https.uplink_error(error.code, error.detail) from error
    # It was true at some moment in between.
    half_ms = (answered - asked) // 2_000_000
    return SignedTime(told_ms + half_ms, answered // 1_000_000, half_ms)


def earliest_ms(identity: HubIdentity) -> int:
    """No time earlier than this is believed: the software's, the data certificate's, the last one believed."""
    issued_ms, _ = validity_ms(load_certificate(identity.data_certificate))
    kept_ms: int
    try:
        [kept_ms] = fields.unpack(read_private(identity.state_dir / "time-floor"), (int,))
    except TrustError:  # never kept, or damaged
        kept_ms = 0
    return max(SOFTWARE_EPOCH_MS, issued_ms, kept_ms)


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _context(identity: HubIdentity, now_ms: Callable[[], int] | None = None) -> ssl.SSLContext:
    now_ms = now_ms or ask_time(identity).now_ms  # which may bring a newer bundle
    return dated_context(identity.trust, now_ms)


def _with_reason(
    identity: HubIdentity, refused: CredentialError, now_ms: Callable[[], int] | None
) -> CredentialError:
    """The refusal, and what the registry gives as reason for it, if it can be asked."""
    with contextlib.suppress(AgentError):
        stands = standing(identity, now_ms)
        if stands.code == refused.code and stands.reason:
            told = f"{str(refused).removesuffix('.')} ({stands.reason})."
            return CredentialError(told, hint=refused.hint, code=refused.code)
    return refused


def _nonce(identity: HubIdentity, context: ssl.SSLContext) -> bytes:
    nonce = https.as_bytes(_ask(identity, context, "/v1/nonce", b""))
    if len(nonce) != NONCE_BYTES:
        raise https.uplink_error("answer-not-believed")
    return nonce


def _ask(identity: HubIdentity, context: ssl.SSLContext, path: str, question: bytes) -> Any:
    return https.exchange(identity.authority_host, identity.authority_port, context, "POST", path, question)
