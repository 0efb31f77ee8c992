"""Enrolment: a voucher becomes a name. HTTPS; blocking, so call it in a thread.

Keys are made before anything is asked (``zero_trust/hub_keys.py``); ``enrol-request`` is kept while an answer is
awaited (``pending.py``), and ``credential`` once it is there (``identity.py``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from edge_agent.adapters import https
from edge_agent.adapters.authority import site_time
from edge_agent.adapters.identity import (
    HubIdentity,
    credential_error,
    is_enrolled,
    keep_credential,
    load_identity,
    read_identity,
)
from edge_agent.adapters.pending import drop_pending, pending_with, read_pending
from edge_agent.core.batching import SOFTWARE_EPOCH_MS
from edge_agent.errors import AgentError, CredentialError, UplinkError
from zero_trust import enrolment, hub_keys
from zero_trust.bundle import first_bundle
from zero_trust.errors import TrustError
from zero_trust.hub_keys import KeyStore
from zero_trust.pending import Pending
from zero_trust.tls import dated_context, unproven_context
from zero_trust.trust_set import TrustSet
from zero_trust.voucher import Voucher, parse_voucher


def enrol(voucher_text: str, state_dir: Path, keys_kept: hub_keys.Settings = hub_keys.FILES) -> HubIdentity:
    """Trade a voucher for a name; the lasting keys are made where ``keys_kept`` says.

    May be cut off anywhere and called again: keys and request are kept before the request goes out,
    and the same request gets the same answer. One with another voucher that was cut off is finished first.

    Raises:
        CredentialError: the voucher or this hub is refused, or the site is not the voucher's.
        UplinkError: the authority cannot be reached; call again.
    """
    with _told(state_dir):
        voucher = parse_voucher(voucher_text)
        keystore = keys_kept.open(state_dir)
        if enrolled := _enrolled_before(voucher, state_dir, keystore):
            return enrolled
        _finish_another(voucher, state_dir, keystore)
        identity, data = keystore.make(hub_keys.IDENTITY), keystore.make(hub_keys.DATA)
        _enrol(pending_with(voucher, identity, data, state_dir), state_dir, keystore)
    return load_identity(state_dir, keys_kept)


def resume(state_dir: Path, keys_kept: hub_keys.Settings = hub_keys.FILES) -> HubIdentity | None:
    """Go on with an enrolment that was cut off, without its voucher; None if there is none.

    Raises:
        CredentialError: as for :func:`enrol`.
        UplinkError: as for :func:`enrol`.
    """
    with _told(state_dir):
        if not is_enrolled(state_dir):
            pending = read_pending(state_dir)
            if pending is None:
                return None
            _enrol(pending, state_dir, keys_kept.open(state_dir))
    return load_identity(state_dir, keys_kept)


@contextlib.contextmanager
def _told(state_dir: Path) -> Iterator[None]:
    """Enrolment's troubles in the agent's own words."""
    try:
        yield
    except TrustError as error:
        raise credential_error(error) from error
    except OSError as error:
        raise CredentialError(
            f"{state_dir}: the hub's keys cannot be kept ({error.strerror}).",
            hint="Give the agent's user a state directory it can write.",
            code="directory-unusable",
        ) from error


def _enrolled_before(voucher: Voucher, state_dir: Path, keystore: KeyStore) -> HubIdentity | None:
    """The identity, if this very voucher has brought it; then asking again is no mistake."""
    if not is_enrolled(state_dir):
        return None
    identity, kept = read_identity(state_dir, keystore), read_pending(state_dir)
    if kept and enrolment.made_with(kept.request, voucher):
        return identity
    raise TrustError("identity-already-enrolled", f"as {identity.hub} in home {identity.home}")


def _finish_another(voucher: Voucher, state_dir: Path, keystore: KeyStore) -> None:
    """What was asked with another voucher may have been granted, and the answer lost: then this hub has its name.

    Raises:
        TrustError: ``identity-already-enrolled``.
    """
    kept = read_pending(state_dir)
    if kept is None or enrolment.made_with(kept.request, voucher):
        return
    try:
        _enrol(kept, state_dir, keystore)
    except (AgentError, TrustError):  # refused, or nobody there any more: the new voucher's turn
        return
    identity = read_identity(state_dir, keystore)
    raise TrustError("identity-already-enrolled", f"as {identity.hub} in home {identity.home}")


def _enrol(pending: Pending, state_dir: Path, keystore: KeyStore) -> None:
    """Ask, and keep the credential."""
    packed = _enrol_at(pending, _proven_trust(pending), state_dir)
    enrolment.accept_answer(packed, pending.root_hash, keystore.load(hub_keys.DATA).public_key())
    keep_credential(state_dir, pending.host, pending.port, packed)


def _proven_trust(pending: Pending) -> TrustSet:
    """Ask who answers there, and believe it only if a root that the voucher names has signed that."""
    where = f"{pending.host}:{pending.port}"
    try:
        packed = https.exchange_bytes(pending.host, pending.port, unproven_context(), "GET", "/v1/bundle")
        return first_bundle(packed, pending.root_hash)
    except (TrustError, UplinkError) as error:
        if error.code == "answer-not-believed":
            raise https.uplink_error("stranger-answers", where) from error
        if isinstance(error, UplinkError):
            raise
        raise TrustError(error.code, error.detail or where) from error


def _enrol_at(pending: Pending, trust: TrustSet, state_dir: Path) -> bytes:
    host, port = pending.host, pending.port
    signed = site_time(host, port, trust, SOFTWARE_EPOCH_MS, bounded=False)
    context = dated_context(trust, signed.now_ms)
    try:
        return https.exchange_bytes(host, port, context, "POST", "/v1/enrol", pending.request)
    except CredentialError:
        # Answered, and the answer was no: another attempt is another request.
        drop_pending(state_dir)
        raise
