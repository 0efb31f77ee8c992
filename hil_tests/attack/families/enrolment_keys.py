"""Attacks on enrolment by its keys and its form: no proof, keys of other kinds, CSRs with names, false sites."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace

import msgpack
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.door import Answer
from hil_tests.attack.families.enrolment import installed
from hil_tests.attack.impostor import impostor
from hil_tests.attack.pen import request_of
from hil_tests.attack.target import Target
from hil_tests.rig.site import SITE_NAME
from zero_trust import enrolment, fields, keys
from zero_trust.site import make_site
from zero_trust.site_files import load_bundles
from zero_trust.tls import server_context

attack = Family("enrolment")
SIGNATURE = bytes(keys.SIGNATURE_BYTES)
FOREIGN_NAME = "spiffe://demo/home/h-1/hub/aaaaaaaaaaaaa"
OVERSIZED_BYTES = 9_000  # the limit is 8,192


async def _said(site: Target, request: bytes) -> Said:
    site.begin()
    return Said((await site.door.ask("/v1/enrol", request)).told)


async def _with_identity(site: Target, identity: bytes) -> Said:
    """A request in which other bytes stand for the identity key."""
    voucher, data = await site.voucher(), keys.public_bytes(keys.generate_key().public_key())
    body = fields.pack(enrolment.VERSION, voucher.id, identity, data, os.urandom(enrolment.NONCE_BYTES))
    return await _said(site, fields.pack(body, bytes(32), SIGNATURE, SIGNATURE))


async def _changed(site: Target, place: int, change: Callable[[bytes], bytes]) -> bytes:
    """An honest request, but for one of its parts."""
    voucher = await site.voucher()
    request = await asyncio.to_thread(request_of, voucher, keys.generate_key(), keys.generate_key())
    parts = msgpack.unpackb(request)
    parts[place] = change(parts[place])
    return fields.pack(*parts)


@attack("enrolment-without-the-identity-key", "no-proof-of-possession", place="enrol")
async def no_identity_proof(site: Target) -> Said:
    """Somebody enrols an identity key that he has only seen: the proof is another key's signature."""
    stranger = keys.generate_key()
    return await _said(site, await _changed(site, 2, lambda _: keys.sign(stranger, b"mine")))


@attack("enrolment-without-the-data-key", "no-proof-of-possession", place="enrol")
async def no_data_proof(site: Target) -> Said:
    """The same for the key that will sign batches."""
    stranger = keys.generate_key()
    return await _said(site, await _changed(site, 3, lambda _: keys.sign(stranger, b"mine")))


@attack("enrolment-with-one-key-for-two-duties", "no-proof-of-possession", place="enrol")
async def one_key(site: Target) -> Said:
    """One key is to be both identity and data key: what signs batches could then renew as well."""
    key = keys.generate_key()
    return await _said(site, await asyncio.to_thread(request_of, await site.voucher(), key, key))


@attack("enrolment-of-an-rsa-key", "key-malformed", place="enrol")
async def rsa_key(site: Target) -> Said:
    """An RSA key in place of P-256."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    return await _with_identity(site, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@attack("enrolment-of-a-key-on-another-curve", "key-malformed", place="enrol")
async def other_curve(site: Target) -> Said:
    """A P-384 key in place of P-256."""
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return await _with_identity(site, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@attack("enrolment-of-an-ed25519-key", "key-malformed", place="enrol")
async def ed25519_key(site: Target) -> Said:
    """An Ed25519 key in place of P-256."""
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return await _with_identity(site, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@attack("enrolment-of-a-key-in-another-spelling", "key-malformed", place="enrol")
async def other_spelling(site: Target) -> Said:
    """An enrolled identity in compressed form would be a second hub with one key."""
    pen = await site.bystander()
    point = pen.identity.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")  # id-ecPublicKey, P-256
    bits = b"\x03" + bytes([len(point) + 1]) + b"\0" + point
    return await _with_identity(site, b"\x30" + bytes([len(algorithm + bits)]) + algorithm + bits)


@attack("enrolment-csr-with-foreign-names", "key-malformed", place="enrol")
async def csr(site: Target) -> Said:
    """A signing request that names another hub and a person stands where the bare key belongs: names are the site's."""
    names = [x509.UniformResourceIdentifier(FOREIGN_NAME), x509.RFC822Name("ada@example.org")]
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ada Lovelace")]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(keys.generate_key(), hashes.SHA256())
    )
    return await _with_identity(site, asked.public_bytes(Encoding.DER))


@attack("enrolment-oversized", "request-too-large", place="enrol")
async def oversized(site: Target) -> Said:
    """A request larger than any honest one, to keep the authority busy."""
    return await _said(site, bytes(OVERSIZED_BYTES))


@attack("enrolment-nonsense", "request-malformed", place="enrol")
async def nonsense(site: Target) -> Said:
    """Random bytes in place of a request."""
    return await _said(site, os.urandom(200))


@attack("enrolment-of-an-older-version", "request-malformed", place="enrol")
async def older(site: Target) -> Said:
    """A request of a version that was never spoken, to find weaker rules."""

    def version(body: bytes) -> bytes:
        return fields.pack(0, *msgpack.unpackb(body)[1:])

    return await _said(site, await _changed(site, 0, version))


@attack("false-site-with-its-own-root", "root-not-believed")
async def false_site(site: Target) -> Said:
    """Somebody answers at the voucher's address with a site of the same name: the hub says nothing but "who is there"."""
    false = site.directory / "false-site"
    make_site(
        false,
        site=SITE_NAME,
        host="127.0.0.1",
        now_ms=time.time_ns() // 1_000_000,
        entropy=os.urandom,
    )
    context = server_context(false / "authority" / "https.crt", false / "authority" / "https.key")
    trust = Answer(200, load_bundles(false / "authority")[1])
    voucher = await site.voucher()
    site.begin()

    async def says(_path: str, _body: bytes) -> Answer:
        return trust

    async with impostor(context, says) as himself:
        tried = await installed(site, replace(voucher, port=himself.port).text)
    if himself.asked != ["/v1/bundle"]:
        raise BrokenError(f"The hub told the false site more than it had to: {himself.asked}.")
    return Said(f"was asked {', '.join(himself.asked)} and nothing more; the hub: {tried.told}", tried.told)


@attack("site-behind-a-hubs-certificate", "certificate-untrusted")
async def hub_as_site(site: Target) -> Said:
    """Somebody with a hub's TLS certificate shows the true trust set and asks for the request."""
    voucher = await site.voucher()
    context = (await (await site.pen()).renewed(site.door)).serving()
    trust = await site.door.bundle()
    site.begin()

    async def says(_path: str, _body: bytes) -> Answer:
        return trust

    async with impostor(context, says) as himself:
        tried = await installed(site, replace(voucher, port=himself.port).text)
    if himself.asked != ["/v1/bundle"]:
        raise BrokenError(f"The hub believed him: {himself.asked}.")
    return Said(f"was asked {', '.join(himself.asked)} and nothing more; the hub: {tried.told}", tried.told)
