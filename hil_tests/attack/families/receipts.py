"""Attacks on a running hub: answers that are not the site's. While the intake is held up a batch waits; nothing moves it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream, chain_next, content_digest, leans_on
from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.forge import foreign_authority
from hil_tests.attack.hostile import Hostile
from hil_tests.attack.pen import now_ms
from hil_tests.attack.target import Target
from hil_tests.attack.victim import Victim
from hil_tests.rig.errors import RigError
from hil_tests.rig.site import SITE_NAME
from zero_trust.authority import SERIAL_BYTES, issue
from zero_trust.credential import Use, certificate_bytes
from zero_trust.envelope import open_sealed, sign_tagged, site_key_id
from zero_trust.keys import PrivateKey, generate_key
from zero_trust.keystore import load_certificates, load_key, load_site_key
from zero_trust.names import ServiceName
from zero_trust.trust_set import RECEIPT_SERVICE

attack = Family("receipts")
HEARD = "the hub says nothing to that"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What somebody knows who reads everything: the batch that waits, and what a true receipt for it would say."""

    hub: str
    receipt: wire.Receipt
    receipt_key: PrivateKey
    certificate: bytes
    nonce: bytes  # of the hub's hello


async def _disbelieved(site: Target, code: str, forge: Callable[[Waiting], bytes]) -> Said:
    """A forged answer comes down while a batch waits: it goes on waiting, the hub says why, and nothing is lost."""
    broker = await site.hostile()  # first: turning the broker ends sessions
    victim = await site.victim()
    hub, before = victim.id, victim.status()
    sent = len(broker.messages(hub, wire.Kind.BATCH))
    site.begin()
    site.site.signal("intake", signal.SIGSTOP)
    try:
        await victim.press()
        await victim.until(lambda: len(broker.messages(hub, wire.Kind.BATCH)) > sent, "A batch's passing")
        await victim.until(lambda: victim.status().get("waiting", 0) > 0, "A batch's waiting")
        await broker.down(hub, forge(_waiting(site, hub, broker)))
        await _met(victim, before["disbelieved"])
        said = await victim.says()
        _still_waits(victim, code)
    finally:
        site.site.signal("intake", signal.SIGCONT)
    await victim.until(victim.hub.idle, "The batch's being handed over")
    changes = (f"+ batch {hub}", f"~ account {hub}", "~ last victim")
    return Said(HEARD, said, hub, changes)


async def _met(victim: Victim, before: int) -> None:
    try:
        await victim.until(lambda: victim.status()["disbelieved"] == before + 1, "The hub's disbelieving it")
    except RigError as error:
        raise BrokenError(str(error)) from error


def _still_waits(victim: Victim, code: str) -> None:
    status = victim.status()
    if not status["waiting"] or status["last_disbelieved"] != code:
        raise BrokenError(f"The hub was moved by it, or says something else: {status}")


def _waiting(site: Target, hub: str, broker: Hostile) -> Waiting:
    message, hello = (broker.messages(hub, kind)[-1] for kind in (wire.Kind.BATCH, wire.Kind.HELLO))
    intake = site.site.directory / "intake"
    key = load_site_key(intake / "site.key")
    signed = open_sealed(message[1:], {site_key_id(key.public_key()): key}, hub)
    body = signed[: -wire.SIGNATURE_BYTES]
    header, _ = leans_on(body)
    [(chain,)] = site.rows("SELECT chain FROM account WHERE hub = ? AND stream = ?", hub, header.stream)
    [(generation,)] = site.rows("SELECT value FROM meta WHERE key = 'generation'")
    head = wire.Head(header.seq, chain_next(chain, content_digest(body)))
    receipt = wire.Receipt(SITE_NAME, hub, header.epoch, Stream(header.stream), head, (), generation)
    certificate = certificate_bytes(load_certificates(intake / "receipt.crt")[0])
    nonce = wire.decode_hello(hello[1 : -wire.SIGNATURE_BYTES]).nonce
    return Waiting(hub, receipt, load_key(intake / "receipt.key"), certificate, nonce)


def _receipt(key: PrivateKey, receipt: wire.Receipt) -> bytes:
    return wire.framed(wire.Kind.RECEIPT, sign_tagged(key, wire.RECEIPT_TAG, wire.encode_receipt(receipt)))


@attack("receipt-forged", "receipt-not-believed", heard=HEARD)
async def forged(site: Target) -> Said:
    """The broker says that a batch has arrived, with a signature of its own, so that the hub forgets it."""
    return await _disbelieved(site, "receipt-not-believed", lambda at: _receipt(generate_key(), at.receipt))


@attack("receipt-of-another-hub", "receipt-not-believed", heard=HEARD)
async def other_hub(site: Target) -> Said:
    """A true receipt, signed by the site for another hub."""
    return await _disbelieved(
        site,
        "receipt-not-believed",
        lambda at: _receipt(at.receipt_key, replace(at.receipt, hub="a" * 13)),
    )


@attack("receipt-of-another-epoch", "receipt-not-believed", heard=HEARD)
async def other_epoch(site: Target) -> Said:
    """A true receipt of an earlier life of this hub."""
    return await _disbelieved(
        site,
        "receipt-not-believed",
        lambda at: _receipt(at.receipt_key, replace(at.receipt, epoch=os.urandom(8))),
    )


@attack("cursor-forged", "cursor-not-believed", heard=HEARD)
async def cursor(site: Target) -> Said:
    """The broker answers in the site's place, under the site's certificate: all is held, seal to this key of mine."""
    return await _disbelieved(site, "cursor-not-believed", lambda at: _cursor(generate_key(), at))


@attack("cursor-under-a-foreign-certificate", "certificate-untrusted", heard=HEARD)
async def foreign_cursor(site: Target) -> Said:
    """The same under a receipt certificate that somebody's own authority has issued."""
    key = generate_key()
    certificate = issue(
        foreign_authority(SITE_NAME, now_ms()),
        key.public_key(),
        name=ServiceName(SITE_NAME, RECEIPT_SERVICE),
        use=Use.RECEIPT,
        now_ms=now_ms(),
        serial=os.urandom(SERIAL_BYTES),
    )
    der = certificate_bytes(certificate)
    return await _disbelieved(
        site, "certificate-untrusted", lambda at: _cursor(key, replace(at, certificate=der))
    )


@attack("cursor-of-another-session", "cursor-not-believed", heard=HEARD)
async def old_cursor(site: Target) -> Said:
    """A true answer of the site to another hello is said again."""
    return await _disbelieved(
        site,
        "cursor-not-believed",
        lambda at: _cursor(at.receipt_key, replace(at, nonce=os.urandom(wire.NONCE_BYTES))),
    )


@attack("refusal-forged", "receipt-not-believed", heard=HEARD)
async def refusal(site: Target) -> Said:
    """The broker refuses a batch in the site's name, so that the hub holds it back for an hour."""

    def refused(at: Waiting) -> bytes:
        said = wire.Refusal(SITE_NAME, at.hub, "batch-malformed", bytes(32))
        signed = sign_tagged(generate_key(), wire.REFUSAL_TAG, wire.encode_refusal(said))
        return wire.framed(wire.Kind.REFUSAL, signed)

    return await _disbelieved(site, "receipt-not-believed", refused)


@attack("command-sent-down", "batch-malformed", heard=HEARD)
async def command(site: Target) -> Said:
    """Somebody sends a hub what no site ever sends, to see whether it does something."""
    return await _disbelieved(site, "batch-malformed", lambda _: b"\x21reboot")


def _cursor(key: PrivateKey, at: Waiting) -> bytes:
    told = wire.Cursor(
        SITE_NAME,
        at.hub,
        at.receipt.epoch,
        at.nonce,
        at.receipt.generation,
        (at.receipt.head, wire.Head(0, bytes(32))),
        X25519PrivateKey.generate().public_key().public_bytes_raw(),
        at.certificate,
    )
    return wire.framed(wire.Kind.CURSOR, sign_tagged(key, wire.CURSOR_TAG, wire.encode_cursor(told)))
