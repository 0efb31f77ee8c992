"""The hub's way to its authority: enrol, renew, ask its standing. HTTPS; blocking, so call it in a thread.

What it keeps in the state directory: ``identity.key`` and ``data.key``, written before anything is
asked; ``enrol-request`` while an answer is awaited; ``credential`` once enrolled; ``tls-serial``, by
which it names its last TLS certificate; ``time-floor``, the last time that was believed. The TLS key
lives in memory alone. No clock of this machine is believed: the site signs the time (``ask_time``).
"""

from __future__ import annotations

import contextlib
import os
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509

from edge_agent.adapters.https import exchange as _exchange
from edge_agent.adapters.https import uplink_error as _uplink_error
from edge_agent.adapters.pending import drop_pending, pending_with, read_pending
from edge_agent.core.batching import SOFTWARE_EPOCH_MS
from edge_agent.errors import AgentError, CredentialError, UplinkError
from zero_trust import enrolment, fields, keys, timekeeping
from zero_trust.credential import (
    Use,
    certificate_bytes,
    certificate_key,
    certificate_name,
    load_certificate,
    serial_bytes,
    validity_ms,
    verify,
)
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.keystore import load_key, read_private, save_key, write_private
from zero_trust.names import HubName
from zero_trust.pending import Pending
from zero_trust.renewal import NONCE_BYTES, ask_renewal, ask_standing
from zero_trust.tls import dated_context, hub_context, timeless_context, unproven_context
from zero_trust.trust_set import TrustSet
from zero_trust.voucher import Voucher, parse_voucher, root_hash

FLOOR_STEP_MS = 3_600_000  # the floor is kept this often: the card wears with every write

_CREDENTIAL_VERSION = 1


@dataclass(frozen=True, slots=True)
class HubIdentity:
    """An enrolled hub: who it is, its lasting keys, and whom it believes.

    Attributes:
        name: site, home and hub id.
        identity_key: proves who this hub is; never leaves it.
        data_key: signs batches.
        data_certificate: DER, for ``data_key``.
        trust: the site's certificates.
        authority_host: where the authority answers ...
        authority_port: ... over HTTPS.
        broker_host: where batches go ...
        broker_port: ... by MQTT over TLS.
        state_dir: where the hub keeps what it must not forget.
    """

    name: HubName
    identity_key: keys.PrivateKey = field(repr=False)
    data_key: keys.PrivateKey = field(repr=False)
    data_certificate: bytes = field(repr=False)
    trust: TrustSet = field(repr=False)
    authority_host: str
    authority_port: int
    broker_host: str
    broker_port: int
    state_dir: Path

    @property
    def site(self) -> str:
        """The site it reports to."""
        return self.name.site

    @property
    def home(self) -> str:
        """The home it serves."""
        return self.name.home

    @property
    def hub(self) -> str:
        """Its id, which is its MQTT client id too."""
        return self.name.hub

    @property
    def words(self) -> str:
        """Four words that operations see as well."""
        return keys.four_words(self.identity_key.public_key())


@dataclass(frozen=True, slots=True)
class TlsCredential:
    """A TLS certificate for the broker, and its key in memory.

    Attributes:
        chain: leaf, then its issuer.
        key: never written to a disk.
        trust: whom to believe at the other end.
        starts_ms: wall clock.
        ends_ms: wall clock.
        held: code of the reason for which a person must confirm this hub; empty if nobody need.
    """

    chain: tuple[x509.Certificate, ...] = field(repr=False)
    key: keys.PrivateKey = field(repr=False)
    trust: TrustSet = field(repr=False)
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
        return hub_context(dated_context(self.trust.root, self.trust.tls, now_ms), self.chain, self.key)


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


def enrol(voucher_text: str, state_dir: Path) -> HubIdentity:
    """Trade a voucher for a name.

    May be cut off anywhere and called again: keys and request are kept before the request goes out,
    and the same request gets the same answer. One with another voucher that was cut off is finished first.

    Raises:
        CredentialError: the voucher or this hub is refused, or the site is not the voucher's.
        UplinkError: the authority cannot be reached; call again.
    """
    with _told(state_dir):
        voucher = parse_voucher(voucher_text)
        if enrolled := _enrolled_before(voucher, state_dir):
            return enrolled
        _finish_another(voucher, state_dir)
        identity, data = _lasting_keys(state_dir)
        _enrol(pending_with(voucher, identity, data, state_dir), state_dir)
    return load_identity(state_dir)


def resume(state_dir: Path) -> HubIdentity | None:
    """Go on with an enrolment that was cut off, without its voucher; None if there is none.

    Raises:
        CredentialError: as for :func:`enrol`.
        UplinkError: as for :func:`enrol`.
    """
    with _told(state_dir):
        if not (state_dir / "credential").exists():
            pending = read_pending(state_dir)
            if pending is None:
                return None
            _enrol(pending, state_dir)
    return load_identity(state_dir)


@contextlib.contextmanager
def _told(state_dir: Path) -> Iterator[None]:
    """Enrolment's troubles in the agent's own words."""
    try:
        yield
    except TrustError as error:
        raise _credential_error(error) from error
    except OSError as error:
        raise CredentialError(
            f"{state_dir}: the hub's keys cannot be kept ({error.strerror}).",
            hint="Give the agent's user a state directory it can write.",
            code="directory-unusable",
        ) from error


def load_identity(state_dir: Path) -> HubIdentity:
    """Read what enrolment left.

    Raises:
        CredentialError: not enrolled, or a key or the credential cannot be used.
    """
    if not (state_dir / "credential").exists():
        raise _credential_error(TrustError("not-enrolled"))
    try:
        return _load(state_dir)
    except TrustError as error:
        raise _credential_error(error) from error


def ask_time(identity: HubIdentity) -> SignedTime:
    """Ask what time it is. The floor below which no time is believed rises with the answer, and never sinks.

    Raises:
        UplinkError: the authority cannot be reached, or its answer cannot be believed.
    """
    floor_ms = earliest_ms(identity)
    signed = _ask_time(identity.authority_host, identity.authority_port, identity.trust, floor_ms)
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
    context = _context(identity, now_ms)
    question = ask_renewal(identity.identity_key, key, identity.hub, _nonce(identity, context), last)
    try:
        packed = _bytes(_ask(identity, context, "/v1/renew", question))
    except CredentialError as refused:
        raise _with_reason(identity, refused, now_ms) from refused
    try:
        credential = _tls_credential(packed, identity, key)
    except TrustError as error:
        raise _uplink_error(error.code, error.detail) from error
    with contextlib.suppress(OSError):  # a card that takes nothing more must not cut the hub off as well
        write_private(identity.state_dir / "tls-serial", credential.serial)
    return credential


def standing(identity: HubIdentity, now_ms: Callable[[], int] | None = None) -> HubStanding:
    """Ask the authority how this hub stands, in words; ``now_ms`` as for :func:`renew`.

    Raises:
        CredentialError: the authority does not know this hub.
        UplinkError: the authority cannot be reached; call again.
    """
    context = _context(identity, now_ms)
    question = ask_standing(identity.identity_key, identity.hub, _nonce(identity, context))
    answer = _ask(identity, context, "/v1/standing", question)
    if not isinstance(answer, dict) or not isinstance(answer.get("since_ms"), int):
        raise _uplink_error("answer-not-believed")
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
    return identity.trust.receipt_key(certificate, now_ms)


def fetch_trust(identity: HubIdentity) -> TrustSet:
    """Fetch the site's trust set anew, for a signer that this hub does not know yet.

    Raises:
        UplinkError: the authority cannot be reached, or shows another root.
    """
    context = _context(identity)
    packed = _bytes(_exchange(identity.authority_host, identity.authority_port, context, "GET", "/v1/bundle"))
    try:
        trust = TrustSet.unpack(packed)
    except TrustError as error:
        raise _uplink_error(error.code, error.detail) from error
    if trust.root != identity.trust.root or trust.site != identity.site:
        raise _uplink_error("root-not-believed")
    return trust


def _enrolled_before(voucher: Voucher, state_dir: Path) -> HubIdentity | None:
    """The identity, if this very voucher has brought it; then asking again is no mistake."""
    if not (state_dir / "credential").exists():
        return None
    identity, kept = _load(state_dir), read_pending(state_dir)
    if kept and enrolment.made_with(kept.request, voucher):
        return identity
    raise TrustError("identity-already-enrolled", f"as {identity.hub} in home {identity.home}")


def _finish_another(voucher: Voucher, state_dir: Path) -> None:
    """What was asked with another voucher may have been granted, and the answer lost: then this hub has its name.

    Raises:
        TrustError: ``identity-already-enrolled``.
    """
    kept = read_pending(state_dir)
    if kept is None or enrolment.made_with(kept.request, voucher):
        return
    try:
        _enrol(kept, state_dir)
    except (AgentError, TrustError):  # refused, or nobody there any more: the new voucher's turn
        return
    identity = _load(state_dir)
    raise TrustError("identity-already-enrolled", f"as {identity.hub} in home {identity.home}")


def _lasting_keys(state_dir: Path) -> tuple[keys.PrivateKey, keys.PrivateKey]:
    for name in ("identity.key", "data.key"):
        if not (state_dir / name).exists():
            save_key(state_dir / name, keys.generate_key())
    return load_key(state_dir / "identity.key"), load_key(state_dir / "data.key")


def _enrol(pending: Pending, state_dir: Path) -> None:
    """Ask, and keep the credential."""
    packed = _enrol_at(pending, _proven_trust(pending), state_dir)
    enrolment.accept_answer(packed, pending.root_hash, load_key(state_dir / "data.key").public_key())
    kept = fields.pack(_CREDENTIAL_VERSION, pending.host, pending.port, packed)
    write_private(state_dir / "credential", kept)


def _proven_trust(pending: Pending) -> TrustSet:
    """Ask who answers there, and believe it only if the voucher names that root."""
    where = f"{pending.host}:{pending.port}"
    try:
        packed = _bytes(_exchange(pending.host, pending.port, unproven_context(), "GET", "/v1/bundle"))
        trust = TrustSet.unpack(packed)
    except (TrustError, UplinkError) as error:
        if isinstance(error, UplinkError) and error.code != "answer-not-believed":
            raise
        raise _uplink_error("stranger-answers", where) from error
    if root_hash(certificate_bytes(trust.root)) != pending.root_hash:
        raise TrustError("root-not-believed", where)
    return trust


def _enrol_at(pending: Pending, trust: TrustSet, state_dir: Path) -> bytes:
    host, port = pending.host, pending.port
    signed = _ask_time(host, port, trust, SOFTWARE_EPOCH_MS, bounded=False)
    context = dated_context(trust.root, trust.tls, signed.now_ms)
    try:
        return _bytes(_exchange(host, port, context, "POST", "/v1/enrol", pending.request))
    except CredentialError:
        # Answered, and the answer was no: another attempt is another request.
        drop_pending(state_dir)
        raise


def _load(state_dir: Path) -> HubIdentity:
    layout = (int, str, int, bytes)
    packed = read_private(state_dir / "credential")
    version, host, port, answer_packed = fields.unpack(packed, layout, code="key-unreadable")
    if version != _CREDENTIAL_VERSION:
        raise KeyStoreError("key-unreadable", f"{state_dir / 'credential'} has version {version}")
    answer = enrolment.Answer.unpack(answer_packed)
    identity, data = load_key(state_dir / "identity.key"), load_key(state_dir / "data.key")
    name = certificate_name(answer.data_certificate)
    if certificate_key(answer.data_certificate) != data.public_key() or not isinstance(name, HubName):
        raise KeyStoreError("key-unreadable", f"{state_dir / 'data.key'} is not the key that was enrolled")
    return HubIdentity(
        name=name,
        identity_key=identity,
        data_key=data,
        data_certificate=certificate_bytes(answer.data_certificate),
        trust=answer.trust,
        authority_host=host,
        authority_port=port,
        broker_host=answer.broker_host,
        broker_port=answer.broker_port,
        state_dir=state_dir,
    )


def _tls_credential(packed: bytes, identity: HubIdentity, key: keys.PrivateKey) -> TlsCredential:
    trust = identity.trust
    *answer, held = fields.unpack(packed, (bytes, bytes, str), code="answer-not-believed")
    certificate, issuer = map(load_certificate, answer)
    starts_ms, ends_ms = validity_ms(certificate)
    # At its own first moment: whether it is that time now is for the clock to say, not for the chain.
    name = verify([certificate, issuer], root=trust.root, site=trust.site, use=Use.HUB_TLS, now_ms=starts_ms)
    if name != identity.name or certificate_key(certificate) != key.public_key():
        raise TrustError("answer-not-believed", "the certificate is for another hub or key")
    return TlsCredential((certificate, issuer), key, trust, starts_ms, ends_ms, held)


def _last_serial(identity: HubIdentity) -> bytes:
    """The serial of the last certificate this hub got; empty if it never got one, or has forgotten."""
    try:
        return read_private(identity.state_dir / "tls-serial")
    except TrustError:
        return b""


def _ask_time(host: str, port: int, trust: TrustSet, floor_ms: int, *, bounded: bool = True) -> SignedTime:
    nonce, asked = os.urandom(timekeeping.NONCE_BYTES), _boot_ns()
    packed = _bytes(_exchange(host, port, timeless_context(trust.root), "POST", "/v1/time", nonce))
    answered = _boot_ns()
    try:
        told_ms = timekeeping.believe_time(packed, trust, nonce, floor_ms=floor_ms, bounded=bounded)
    except TrustError as error:
        raise _uplink_error(error.code, error.detail) from error
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
    trust = identity.trust
    return dated_context(trust.root, trust.tls, now_ms or ask_time(identity).now_ms)


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
    nonce = _bytes(_ask(identity, context, "/v1/nonce", b""))
    if len(nonce) != NONCE_BYTES:
        raise _uplink_error("answer-not-believed")
    return nonce


def _ask(identity: HubIdentity, context: ssl.SSLContext, path: str, question: bytes) -> Any:
    return _exchange(identity.authority_host, identity.authority_port, context, "POST", path, question)


def _bytes(answer: Any) -> bytes:
    if not isinstance(answer, bytes):
        raise _uplink_error("answer-not-believed")
    return answer


def _credential_error(error: TrustError) -> CredentialError:
    return CredentialError(str(error), hint=error.hint, code=error.code)
