"""Issues certificates. Pure: keys, time and random serial numbers come in, certificates go out.

Whatever name a request may hold is ignored: the caller says whom a certificate is for.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zero_trust import keys
from zero_trust.credential import DATA_SIGNING, RECEIPT_SIGNING, Use, moment
from zero_trust.names import HubName, ServiceName

SERIAL_BYTES = 16

_ROOT_AGE = dt.timedelta(days=3652)
_ISSUING_AGE = dt.timedelta(days=731)
_EARLY = dt.timedelta(minutes=5)  # clocks differ a little; a fresh certificate must work at once


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate and the key that issues under it."""

    certificate: x509.Certificate
    key: keys.PrivateKey = field(repr=False)


def make_root(key: keys.PrivateKey, *, site: str, now_ms: int, serial: bytes) -> Issuer:
    """Make a site's root. Its key belongs offline as soon as both issuing authorities exist."""
    name = _common_name(f"{site} root")
    certificate = _authority(key.public_key(), name, name, moment(now_ms), _ROOT_AGE, serial, path_length=1)
    return Issuer(certificate.sign(key, hashes.SHA256()), key)


def make_tls_authority(
    root: Issuer, key: keys.PrivateKey, *, site: str, now_ms: int, serial: bytes
) -> Issuer:
    """Make the authority that issues TLS certificates: hubs, services, servers."""
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    return _issuing_authority(root, key, f"{site} tls", usages, now_ms, serial)


def make_data_authority(
    root: Issuer, key: keys.PrivateKey, *, site: str, now_ms: int, serial: bytes
) -> Issuer:
    """Make the authority that certifies keys for signing batches, receipts and the time, and nothing else."""
    usages = [DATA_SIGNING, RECEIPT_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING]
    return _issuing_authority(root, key, f"{site} data", usages, now_ms, serial)


def issue(
    issuer: Issuer,
    public: keys.PublicKey,
    *,
    name: HubName | ServiceName,
    use: Use,
    now_ms: int,
    serial: bytes,
) -> x509.Certificate:
    """Issue a leaf to a hub or a service; it never outlives its issuer."""
    label = name.hub if isinstance(name, HubName) else name.service
    names = [x509.UniformResourceIdentifier(name.uri)]
    return _leaf(issuer, public, label, names, use, now_ms, serial)


def issue_server(
    issuer: Issuer, public: keys.PublicKey, *, service: str, hosts: Sequence[str], now_ms: int, serial: bytes
) -> x509.Certificate:
    """Issue a leaf to a server that answers under ``hosts`` (names or IP addresses)."""
    return _leaf(issuer, public, service, [_host(host) for host in hosts], Use.SERVER, now_ms, serial)


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses under which a server answers, as its certificate has them."""
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(host.value) for host in san if isinstance(host, x509.DNSName | x509.IPAddress)]


def _leaf(
    issuer: Issuer,
    public: keys.PublicKey,
    label: str,
    names: Sequence[x509.GeneralName],
    use: Use,
    now_ms: int,
    serial: bytes,
) -> x509.Certificate:
    start = moment(now_ms) - _EARLY
    end = min(start + use.value.age_max, issuer.certificate.not_valid_after_utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_common_name(label))
        .issuer_name(issuer.certificate.subject)
        .public_key(public)
        .serial_number(_serial(serial))
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(leaf=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use.value.usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_authority_key(issuer), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def _issuing_authority(
    root: Issuer,
    key: keys.PrivateKey,
    label: str,
    usages: Sequence[x509.ObjectIdentifier],
    now_ms: int,
    serial: bytes,
) -> Issuer:
    certificate = (
        _authority(
            key.public_key(),
            _common_name(label),
            root.certificate.subject,
            moment(now_ms),
            _ISSUING_AGE,
            serial,
            path_length=0,
        )
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(_authority_key(root), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def _authority(
    public: keys.PublicKey,
    subject: x509.Name,
    issuer: x509.Name,
    now: dt.datetime,
    age: dt.timedelta,
    serial: bytes,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(_serial(serial))
        .not_valid_before(now - _EARLY)
        .not_valid_after(now - _EARLY + age)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(leaf=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, leaf: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _common_name(label: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _serial(entropy: bytes) -> int:
    if len(entropy) != SERIAL_BYTES:
        raise ValueError(f"a serial number needs {SERIAL_BYTES} random bytes, not {len(entropy)}")
    # RFC 5280 4.1.2.2: positive and at most 20 octets; unpredictable, so that nobody can aim a collision.
    return int.from_bytes(entropy, "big") | 1 << (8 * SERIAL_BYTES)
