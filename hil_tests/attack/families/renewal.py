"""Attacks on renewal and on the question how a hub stands: whoever is not the hub gets neither certificate nor word."""

from __future__ import annotations

import os
import ssl

import msgpack
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.door import Answer
from hil_tests.attack.pen import BUNDLE, Pen
from hil_tests.attack.target import Target
from zero_trust import fields, keys
from zero_trust.lineage import DAY_MS
from zero_trust.renewal import NONCE_BYTES, ask_renewal, ask_standing

attack = Family("renewal")
RENEW, STANDING = "/v1/renew", "/v1/standing"


async def _question(site: Target, pen: Pen, nonce: bytes | None = None) -> bytes:
    """A renewal by all rules, not yet asked."""
    nonce = await site.door.nonce() if nonce is None else nonce
    return ask_renewal(pen.identity, keys.generate_key(), pen.hub, nonce, bundle=BUNDLE)


async def _said(
    site: Target, pen: Pen, question: bytes, path: str = RENEW, context: ssl.SSLContext | None = None
) -> Said:
    return Said((await site.door.ask(path, question, context=context)).told, hub=pen.hub)


@attack("renewal-in-anothers-name", "identity-proof-wrong", place="renew")
async def others_name(site: Target) -> Said:
    """An enrolled hub, over TLS with its own good certificate, asks for another one's certificate."""
    attacker, other = await site.pen(), await site.bystander()
    own = await attacker.renewed(site.door)
    question = ask_renewal(
        attacker.identity, keys.generate_key(), other.hub, await site.door.nonce(), bundle=BUNDLE
    )
    site.begin()
    return await _said(site, other, question, context=own.context(site.root))


@attack("renewal-with-the-data-key", "identity-proof-wrong", place="renew")
async def data_key(site: Target) -> Said:
    """A thief who has only the key that signs batches asks for a TLS certificate."""
    pen = await site.bystander()
    question = ask_renewal(pen.data, keys.generate_key(), pen.hub, await site.door.nonce(), bundle=BUNDLE)
    site.begin()
    return await _said(site, pen, question)


@attack("renewal-replayed", "nonce-unknown", place="renew")
async def replayed(site: Target) -> Said:
    """A recorded renewal is asked once more, word for word."""
    pen = await site.pen()
    question = await _question(site, pen)
    if not (await site.door.ask(RENEW, question)).granted:
        raise BrokenError("The recorded renewal itself was refused.")
    site.begin()
    return await _said(site, pen, question)


@attack("renewal-over-an-old-nonce", "nonce-unknown", place="renew")
async def old_nonce(site: Target) -> Said:
    """A nonce that was given out and never used is kept for later."""
    pen, nonce = await site.pen(), await site.old_nonce()
    question = await _question(site, pen, nonce)
    site.begin()
    return await _said(site, pen, question)


@attack("renewal-over-an-invented-nonce", "nonce-unknown", place="renew")
async def invented_nonce(site: Target) -> Said:
    """A question signed beforehand, over a nonce of the attacker's own."""
    pen = await site.pen()
    question = await _question(site, pen, os.urandom(NONCE_BYTES))
    site.begin()
    return await _said(site, pen, question)


@attack("renewal-of-a-hub-that-is-none", "hub-unknown", place="renew")
async def unknown(site: Target) -> Said:
    """A name that was never enrolled."""
    pen = await site.bystander()
    nobody = "z" * 13
    question = ask_renewal(pen.identity, keys.generate_key(), nobody, await site.door.nonce(), bundle=BUNDLE)
    site.begin()
    return Said((await site.door.ask(RENEW, question)).told, hub=nobody)


@attack("renewal-for-a-key-not-held", "no-proof-of-possession", place="renew")
async def not_held(site: Target) -> Said:
    """A certificate is asked for a TLS key that only somebody else holds."""
    pen = await site.bystander()
    signed, _ = msgpack.unpackb(await _question(site, pen))
    site.begin()
    return await _said(site, pen, fields.pack(signed, keys.sign(keys.generate_key(), signed)))


async def _with_key(site: Target, key: bytes) -> Said:
    """A renewal in which other bytes stand for the TLS key, rightly signed by the identity."""
    pen = await site.bystander()
    signed, proof = msgpack.unpackb(await _question(site, pen))
    body = msgpack.unpackb(signed[: -keys.SIGNATURE_BYTES])
    body[4] = key
    forged = fields.pack(*body)
    signed = forged + keys.sign(pen.identity, b"lum-question-1\0" + forged)
    site.begin()
    return await _said(site, pen, fields.pack(signed, proof))


@attack("renewal-for-an-rsa-key", "key-malformed", place="renew")
async def rsa_key(site: Target) -> Said:
    """An RSA key in place of P-256."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    return await _with_key(site, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@attack("renewal-csr-for-another-use", "key-malformed", place="renew")
async def csr(site: Target) -> Said:
    """A signing request that asks for a server's usage and a foreign name stands where the bare key belongs."""
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(keys.generate_key(), hashes.SHA256())
    )
    return await _with_key(site, asked.public_bytes(Encoding.DER))


@attack("renewal-with-a-wish", "request-malformed", place="renew")
async def wish(site: Target) -> Said:
    """A field more, that asks for a certificate of another use: there is no place for such a wish."""
    pen = await site.bystander()
    signed, proof = msgpack.unpackb(await _question(site, pen))
    site.begin()
    answer = await site.door.ask(RENEW, fields.pack(signed, proof, "server-auth"))
    return Said(answer.told)


@attack("renewal-by-a-question-of-standing", "request-malformed", place="renew")
async def other_question(site: Target) -> Said:
    """A signed question how the hub stands is brought to where certificates are given."""
    pen = await site.bystander()
    question = ask_standing(pen.identity, pen.hub, await site.door.nonce(), bundle=BUNDLE)
    site.begin()
    return await _said(site, pen, question)


@attack("standing-of-another-hub", "identity-proof-wrong", place="standing")
async def others_standing(site: Target) -> Said:
    """A hub wants to know why another one was turned out."""
    attacker, other = await site.pen(), await site.bystander()
    question = ask_standing(attacker.identity, other.hub, await site.door.nonce(), bundle=BUNDLE)
    site.begin()
    return await _said(site, other, question, STANDING)


@attack("renewal-oversized", "request-too-large", place="renew")
async def oversized(site: Target) -> Said:
    """A question larger than any honest one."""
    site.begin()
    return Said((await site.door.ask(RENEW, bytes(9_000))).told)


@attack("renewal-of-a-revoked-hub", "hub-revoked", place="renew")
async def revoked(site: Target) -> Said:
    """A stolen hub was revoked and asks for a fresh certificate."""
    pen = await site.pen()
    site.operator.revoke(pen.hub, "stolen")
    site.begin()
    return await _said(site, pen, await _question(site, pen))


@attack("renewal-after-200-days", "hub-suspended", place="renew")
async def suspended(site: Target) -> Said:
    """A hub that was off for 200 days, perhaps on somebody's shelf, asks as if nothing had been."""
    pen = await site.pen()
    site.past("UPDATE lineage SET renewed_ms = renewed_ms - ? WHERE hub = ?", 200 * DAY_MS, pen.hub)
    site.begin()
    said = await _said(site, pen, await _question(site, pen))
    return Said(said.attacker, hub=pen.hub, changes=(f"~ hub {pen.hub}",))


async def _held(site: Target, pen: Pen, answer: Answer) -> Said:
    """The hub is let in, and held until a person has confirmed it: both ends say so."""
    if not answer.granted or fields.unpack(answer.content, (bytes, bytes, str))[2] != "hub-quarantined":
        raise BrokenError(f"It was not held: {answer.told}.")
    told = (
        await site.door.ask(
            STANDING, ask_standing(pen.identity, pen.hub, await site.door.nonce(), bundle=BUNDLE)
        )
    ).content
    alarms = [one for one in site.operator.alarms() if one["hub"] == pen.hub]
    if not alarms:
        raise BrokenError("No alarm tells operations of it.")
    said = f"{alarms[0]['sentence']} ({alarms[0]['detail']})"
    changes = (f"~ hub {pen.hub}", f"~ lineage {pen.hub}")
    return Said(f"{told['sentence']} ({told['reason']})", said, pen.hub, changes)


@attack("renewal-after-45-days", "hub-quarantined")
async def quarantined(site: Target) -> Said:
    """A hub that was off for 45 days comes back: heard, and held until a person has called the home."""
    pen = await site.pen()
    site.past("UPDATE lineage SET renewed_ms = renewed_ms - ? WHERE hub = ?", 45 * DAY_MS, pen.hub)
    site.begin()
    return await _held(site, pen, await pen.renewal(site.door))


@attack("renewal-of-a-copied-card", "hub-quarantined")
async def cloned(site: Target) -> Said:
    """A card was copied: first the copy renews, then the hub itself, each naming the certificate both know."""
    pen = await site.pen()
    known = await pen.renewed(site.door)
    site.past("UPDATE lineage SET seen = 1 WHERE hub = ?", pen.hub)
    await pen.renewed(site.door, known.serial)
    site.past("UPDATE lineage SET seen = 1 WHERE hub = ?", pen.hub)
    site.begin()
    return await _held(site, pen, await pen.renewal(site.door, known.serial))
