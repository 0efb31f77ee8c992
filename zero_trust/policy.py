"""Who may connect, whose batch is admitted. Deny by default; a missing fact is a no.

Pure: facts in, a decision with a code out. Whoever asks writes the refusal down.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from zero_trust.names import HubName


class Standing(enum.Enum):
    """What the registry says of a hub."""

    ENROLLED = "enrolled"
    QUARANTINED = "quarantined"  # heard, and waits for a person to confirm it
    SUSPENDED = "suspended"  # off for too long: not heard until a person lets it in again
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Decision:
    """A yes or a no.

    Attributes:
        allow: whether it may.
        code: empty if allowed, else a key into ``reasons.toml``.
        publish: broker subjects it may publish to.
        subscribe: broker subjects it may subscribe to.
        until_ms: wall clock at which a connection's admission ends.
    """

    allow: bool
    code: str = ""
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What is known of a hub that connects to the broker; None is "not known".

    Attributes:
        name: from the certificate, once the certificate was verified.
        certificate_ends_ms: wall clock at which that certificate ends.
        standing: what the registry says of ``name.hub``.
        client_id: the MQTT client id it asks for.
        now_ms: wall clock.
        in_line: whether the certificate is the one that this hub should use now.
    """

    name: HubName | None = None
    certificate_ends_ms: int | None = None
    standing: Standing | None = None
    client_id: str | None = None
    now_ms: int | None = None
    in_line: bool | None = None


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What is known of a batch's sender; None is "not known".

    Attributes:
        hub: id whose data key the signature was checked with.
        standing: what the registry says of ``hub``.
        certificate_starts_ms: from when its data certificate is valid.
        certificate_ends_ms: until when.
        received_ms: wall clock at which the batch came.
    """

    hub: str | None = None
    standing: Standing | None = None
    certificate_starts_ms: int | None = None
    certificate_ends_ms: int | None = None
    received_ms: int | None = None


def admit_connection(facts: ConnectionFacts) -> Decision:
    """Decide whether a hub may use the broker, and for what.

    A hub may connect under its own id only: brokers end an older session of the same client id,
    so any enrolled hub could otherwise throw another one off.
    """
    name, ends_ms, now_ms = facts.name, facts.certificate_ends_ms, facts.now_ms
    if name is None or ends_ms is None or now_ms is None or facts.client_id is None or facts.in_line is None:
        return deny("evidence-missing")
    if refused := admit_standing(facts.standing):
        return deny(refused)
    if facts.client_id != name.hub:
        return deny("client-id-not-yours")
    if now_ms >= ends_ms:
        return deny("certificate-expired")
    # Whoever is held in quarantine may be two: both are heard, or a copied card could silence a home.
    if not facts.in_line and facts.standing is not Standing.QUARANTINED:
        return deny("certificate-superseded")
    return Decision(
        allow=True,
        publish=(f"hubs.{name.hub}.up",),
        subscribe=(f"cmd.{name.hub}",),
        until_ms=ends_ms,
    )


def admit_batch(facts: BatchFacts) -> Decision:
    """Decide whether a batch's sender is believed at the time of receipt."""
    starts_ms, ends_ms, received_ms = (
        facts.certificate_starts_ms,
        facts.certificate_ends_ms,
        facts.received_ms,
    )
    if facts.hub is None or starts_ms is None or ends_ms is None or received_ms is None:
        return deny("evidence-missing")
    if refused := admit_standing(facts.standing):
        return deny(refused)
    if received_ms < starts_ms:
        return deny("certificate-not-yet-valid")
    if received_ms >= ends_ms:
        return deny("certificate-expired")
    return Decision(allow=True)


def deny(code: str) -> Decision:
    """A no, for the reason ``code``."""
    return Decision(allow=False, code=code)


def admit_standing(standing: Standing | None) -> str:
    """Why a hub of that standing may not speak; empty if it may."""
    match standing:
        case Standing.ENROLLED | Standing.QUARANTINED:
            return ""
        case Standing.SUSPENDED:
            return "hub-suspended"
        case Standing.REVOKED:
            return "hub-revoked"
        case _:
            return "hub-unknown"
