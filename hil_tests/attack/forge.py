"""Certificates that no site of ours would issue: made with stolen or foreign keys, wrong in one way each."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil_tests.attack.pen import Certified
from zero_trust import keys
from zero_trust.authority import SERIAL_BYTES, Issuer, make_root, make_tls_authority

CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00")


@dataclass(frozen=True, slots=True)
class Forged:
    """How a leaf looks; by default as a hub's TLS certificate ought to, but for its names.

    Attributes:
        names: what it says it is.
        label: its common name.
        usages: what it says it is for; none at all if empty.
        starts, ends: from and until when, in hours from now.
        authority: whether it says that it may issue.
        unknown: whether it has a critical extension that nobody knows.
    """

    names: Sequence[x509.GeneralName]
    label: str = "hub"
    usages: Sequence[x509.ObjectIdentifier] = CLIENT
    starts: float = -1.0
    ends: float = 71.0
    authority: bool = False
    unknown: bool = False
    key: keys.PrivateKey = field(default_factory=keys.generate_key, repr=False)

    def by(self, issuer: Issuer, *above: x509.Certificate) -> Certified:
        """Issued by that key, shown with the certificates ``above`` it."""
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.label)]))
            .issuer_name(issuer.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(hours=self.starts))
            .not_valid_after(now + dt.timedelta(hours=self.ends))
            .add_extension(x509.BasicConstraints(ca=self.authority, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
            )
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        if self.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=False)
        if self.unknown:
            builder = builder.add_extension(UNKNOWN, critical=True)
        leaf = builder.sign(issuer.key, hashes.SHA256())
        return Certified(self.key, (leaf, issuer.certificate, *above))


def uri(text: str) -> x509.UniformResourceIdentifier:
    """A SPIFFE name as it stands in a certificate."""
    return x509.UniformResourceIdentifier(text)


def foreign_authority(site: str, now_ms: int) -> Issuer:
    """An issuing authority of the same name under a root of somebody's own."""
    root = make_root(keys.generate_key(), site=site, now_ms=now_ms, serial=os.urandom(SERIAL_BYTES))
    return make_tls_authority(
        root, keys.generate_key(), site=site, now_ms=now_ms, serial=os.urandom(SERIAL_BYTES)
    )


def self_signed(names: Sequence[x509.GeneralName]) -> Certified:
    """A leaf that vouches for itself."""
    key = keys.generate_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    now = dt.datetime.now(dt.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(CLIENT), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certified(key, (leaf,))
