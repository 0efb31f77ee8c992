"""An enrolled hub in the attacker's hands: its keys (a stolen card), and whatever can be signed with them."""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import (
    Anchor,
    Batch,
    Contract,
    Inline,
    Quality,
    Quantity,
    Reading,
    Sensor,
    Stream,
    encode,
)
from hil_tests.attack.door import Answer, Door
from hil_tests.rig.errors import RigError
from zero_trust import fields, keys
from zero_trust.credential import certificate_name, load_certificate, serial_bytes
from zero_trust.enrolment import NONCE_BYTES, make_request
from zero_trust.enrolment import Answer as Enrolled
from zero_trust.envelope import seal, sign_inside, sign_tagged
from zero_trust.names import HubName
from zero_trust.renewal import ask_renewal
from zero_trust.tls import hub_context, pinned_context
from zero_trust.trust_set import TrustSet
from zero_trust.voucher import Voucher

EPOCH_BYTES = 8
BOOT_MS = 100_000
DOOR = Sensor("C0:00:00:00:00:0D", "door", "Hall", "bthome_v2", Contract.HEARTBEAT, 3600, "entrance")

BUNDLE = 1  # a site that was just made has this one


@dataclass(frozen=True, slots=True)
class Certified:
    """A TLS key with its chain."""

    key: keys.PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def serial(self) -> bytes:
        """By which the next renewal names it."""
        return serial_bytes(self.chain[0])

    def context(self, root: x509.Certificate) -> ssl.SSLContext:
        """TLS that believes ``root`` and shows this."""
        return hub_context(pinned_context([root]), self.chain, self.key)

    def serving(self) -> ssl.SSLContext:
        """TLS of a server that shows this."""
        return hub_context(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.chain, self.key)


@dataclass
class Pen:
    """One hub's name and keys."""

    name: HubName
    identity: keys.PrivateKey = field(repr=False)
    data: keys.PrivateKey = field(repr=False)
    trust: TrustSet = field(repr=False)
    epoch: bytes = field(default_factory=lambda: os.urandom(EPOCH_BYTES))
    boot: bytes = field(default_factory=lambda: os.urandom(16))
    seq: int = 0
    before: Inline | None = None

    @property
    def hub(self) -> str:
        """Its id."""
        return self.name.hub

    @property
    def site(self) -> str:
        """Its site's name."""
        return self.name.site

    async def renewal(self, door: Door, last: bytes = b"", key: keys.PrivateKey | None = None) -> Answer:
        """Ask for a TLS certificate, by all rules."""
        key = key or keys.generate_key()
        return await door.ask(
            "/v1/renew", ask_renewal(self.identity, key, self.hub, await door.nonce(), last, bundle=BUNDLE)
        )

    async def renewed(self, door: Door, last: bytes = b"") -> Certified:
        """A TLS certificate, got by all rules."""
        key = keys.generate_key()
        return certified(await self.renewal(door, last, key), key)

    def batch(self, *, anchor: Anchor | None = None, value: int = 1, seq: int | None = None) -> bytes:
        """The next signed batch: one door reading; or another one under a number already used."""
        if seq is None:
            self.seq += 1
        anchor = anchor or Anchor(now_ms(), BOOT_MS, Quality.SYNCED)
        batch = Batch(
            self.site,
            self.hub,
            self.epoch,
            Stream.URGENT,
            seq or self.seq,
            self.boot,
            BOOT_MS + self.seq,
            anchor,
            sensors=(DOOR,),
            quantities=(Quantity("door", "", 0, "boolean"),),
            readings=(Reading(0, 0, BOOT_MS, value),),
        )
        return sign_inside(self.data, encode(batch, None).body, self.site, self.hub)

    def signed(self, body: bytes) -> bytes:
        """Any bytes signed as a batch of this hub."""
        return sign_inside(self.data, body, self.site, self.hub)

    def hello(self, **other: object) -> bytes:
        """A hello by all rules, but for what is given otherwise."""
        public = X25519PrivateKey.generate().public_key().public_bytes_raw()
        nonce = os.urandom(wire.NONCE_BYTES)
        hello = wire.Hello(self.site, self.hub, self.epoch, nonce, public, self.boot, (self.seq, 0))
        body = wire.encode_hello(replace(hello, **other))  # type: ignore[arg-type]
        return wire.framed(wire.Kind.HELLO, sign_tagged(self.data, wire.HELLO_TAG, body))


def sealed(signed: bytes, site_public: X25519PublicKey, hub: str) -> bytes:
    """A batch message, sealed as anybody can who knows the site's public key."""
    return wire.framed(wire.Kind.BATCH, seal(signed, site_public, hub))


def request_of(voucher: Voucher, identity: keys.PrivateKey, data: keys.PrivateKey) -> bytes:
    """An enrolment request by all rules."""
    return make_request(voucher, identity, data, os.urandom(NONCE_BYTES))


def enrolled(answer: Answer, identity: keys.PrivateKey, data: keys.PrivateKey) -> Pen:
    """The hub that an answer to an enrolment makes."""
    if not answer.granted:
        raise RigError(f"The attack could not be prepared: enrolment was refused ({answer.told}).")
    told = Enrolled.unpack(answer.content)
    name = certificate_name(told.data_certificate)
    assert isinstance(name, HubName)  # noqa: S101 - of the rig's own site
    return Pen(name, identity, data, told.trust)


def certified(answer: Answer, key: keys.PrivateKey) -> Certified:
    """The certificate in the answer to a renewal."""
    if not answer.granted:
        raise RigError(f"The attack could not be prepared: renewal was refused ({answer.told}).")
    leaf, issuer, _ = fields.unpack(answer.content, (bytes, bytes, str))
    return Certified(key, (load_certificate(leaf), load_certificate(issuer)))


def now_ms() -> int:
    """This machine's wall clock, by which the site goes."""
    return time.time_ns() // 1_000_000
