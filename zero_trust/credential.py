"""Certificates: what each kind must look like, and whether to believe one at a given time.

root (10 y, offline) > issuing TLS authority > hub TLS, service TLS, server
                     > issuing data authority > hub data, receipt, time

``verify`` leaves the decision to the library and adds what it does not insist on: exactly one
URI name in our site, exactly the extended key usage asked for. ``diagnose`` only explains a no.
"""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from zero_trust import keys
from zero_trust.errors import CredentialError, CredentialExpiredError, TrustError
from zero_trust.names import HubName, ServiceName, parse_name

# Arcs below 2.25 are UUIDs: unique without asking anybody for a number.
_ARC = "2.25.192681425660723961602850029948807679214"
DATA_SIGNING = x509.ObjectIdentifier(f"{_ARC}.1")
RECEIPT_SIGNING = x509.ObjectIdentifier(f"{_ARC}.2")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of leaf certificate looks.

    Attributes:
        usage: its one extended key usage.
        name: which kind of name it must hold; None for a server, which holds host names.
        age_max: how long it is valid.
    """

    usage: x509.ObjectIdentifier
    name: type[HubName | ServiceName] | None
    age_max: dt.timedelta


class Use(enum.Enum):
    """What a leaf certificate is for."""

    HUB_TLS = Profile(ExtendedKeyUsageOID.CLIENT_AUTH, HubName, dt.timedelta(hours=72))
    HUB_DATA = Profile(DATA_SIGNING, HubName, dt.timedelta(days=400))
    SERVICE_TLS = Profile(ExtendedKeyUsageOID.CLIENT_AUTH, ServiceName, dt.timedelta(days=400))
    SERVER = Profile(ExtendedKeyUsageOID.SERVER_AUTH, None, dt.timedelta(days=400))
    RECEIPT = Profile(RECEIPT_SIGNING, ServiceName, dt.timedelta(days=400))
    TIME = Profile(ExtendedKeyUsageOID.TIME_STAMPING, ServiceName, dt.timedelta(days=400))


def verify(
    chain: Sequence[x509.Certificate], *, root: x509.Certificate, site: str, use: Use, now_ms: int
) -> HubName | ServiceName:
    """Believe a certificate, or say why not.

    Args:
        chain: leaf first, then its issuing authority.
        root: the one root that is believed.
        site: whose names are believed.
        use: what the leaf must be for.
        now_ms: wall clock for which to judge; a past time gives an auditor's view.

    Returns:
        The name in the leaf.

    Raises:
        CredentialError: with one of the ``certificate-`` codes.
    """
    if not chain:
        raise CredentialError("certificate-missing")
    verifier = (
        PolicyBuilder()
        .store(Store([root]))
        .time(moment(now_ms))
        .max_chain_depth(1)
        .extension_policies(ca_policy=_authority_policy(use), ee_policy=_leaf_policy(use, site))
        .build_client_verifier()
    )
    try:
        verifier.verify(chain[0], list(chain[1:]))
        return certificate_name(chain[0])
    except (VerificationError, ValueError) as error:
        code = diagnose(chain, root=root, site=site, use=use, now_ms=now_ms)
        kind = CredentialExpiredError if code == "certificate-expired" else CredentialError
        raise kind(code) from error


def verify_server(
    leaf: x509.Certificate, issuer: x509.Certificate, *, root: x509.Certificate, host: str, now_ms: int
) -> None:
    """Believe that ``leaf`` is a server's that answers under ``host`` (name or IP address), or say why not.

    Raises:
        CredentialError: with one of the ``certificate-`` codes.
    """
    builder = PolicyBuilder().store(Store([root])).time(moment(now_ms)).max_chain_depth(1)
    try:
        builder.build_server_verifier(_subject(host)).verify(leaf, [issuer])
    except (VerificationError, ValueError) as error:
        code = diagnose([leaf, issuer], root=root, site="", use=Use.SERVER, now_ms=now_ms)
        raise CredentialError(code) from error


def diagnose(
    chain: Sequence[x509.Certificate], *, root: x509.Certificate, site: str, use: Use, now_ms: int
) -> str:
    """Find the code for a chain that was not believed: who issued it, then when, for what, for whom."""
    if not _issued_in_order([*chain, root]):
        return "certificate-untrusted"
    now = moment(now_ms)
    if any(now > certificate.not_valid_after_utc for certificate in [*chain, root]):
        return "certificate-expired"
    if any(now < certificate.not_valid_before_utc for certificate in [*chain, root]):
        return "certificate-not-yet-valid"
    if _usages(chain[0]) != [use.value.usage]:
        return "certificate-wrong-use"
    if not _name_fits(chain[0], use, site):
        return "certificate-name-wrong"
    return "certificate-untrusted"


def certificate_name(certificate: x509.Certificate) -> HubName | ServiceName:
    """The one name that a certificate holds; says nothing about whether to believe it.

    Raises:
        CredentialError: ``certificate-name-wrong``.
    """
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        [entry] = san
        if isinstance(entry, x509.UniformResourceIdentifier):
            return parse_name(entry.value)
    except (x509.ExtensionNotFound, ValueError, TrustError) as error:
        raise CredentialError("certificate-name-wrong") from error
    raise CredentialError("certificate-name-wrong")


def certificate_key(certificate: x509.Certificate) -> keys.PublicKey:
    """The P-256 key that a certificate speaks for.

    Raises:
        CredentialError: ``certificate-malformed``, if it is a key of another kind, or none at all.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialError("certificate-malformed", "it holds no key") from error
    if not isinstance(key, keys.PublicKey):
        raise CredentialError("certificate-malformed", "it holds no P-256 key")
    return key


def validity_ms(certificate: x509.Certificate) -> tuple[int, int]:
    """First and last moment of a certificate, wall clock in milliseconds."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)


def certificate_bytes(certificate: x509.Certificate) -> bytes:
    """A certificate as DER."""
    return certificate.public_bytes(Encoding.DER)


def serial_bytes(certificate: x509.Certificate) -> bytes:
    """A certificate's serial number, as hub and authority name it to each other."""
    number = certificate.serial_number
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def load_certificate(der: bytes) -> x509.Certificate:
    """Read a DER certificate.

    Raises:
        CredentialError: ``certificate-malformed``.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion) as error:
        raise CredentialError("certificate-malformed") from error


def moment(now_ms: int) -> dt.datetime:
    """Milliseconds of the wall clock as an aware UTC time."""
    return dt.datetime.fromtimestamp(now_ms / 1000, tz=dt.UTC)


def _leaf_policy(use: Use, site: str) -> ExtensionPolicy:
    def usage(_: Policy, certificate: x509.Certificate, __: x509.ExtendedKeyUsage) -> None:
        if _usages(certificate) != [use.value.usage]:
            raise ValueError("not exactly the extended key usage asked for")

    def name(_: Policy, certificate: x509.Certificate, __: x509.SubjectAlternativeName) -> None:
        if not _name_fits(certificate, use, site):
            raise ValueError("not exactly one name of this site")

    def no_authority(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
        if constraints.ca:
            raise ValueError("a leaf must not be an authority")

    # The library's default accepts a client certificate without any usage: each is required here.
    return (
        ExtensionPolicy.webpki_defaults_ee()
        .require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, name)
        .require_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, usage)
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, no_authority)
    )


def _authority_policy(use: Use) -> ExtensionPolicy:
    def usage(_: Policy, __: x509.Certificate, extension: x509.ExtendedKeyUsage | None) -> None:
        if extension is not None and use.value.usage not in list(extension):
            raise ValueError("the authority may not issue for this use")

    # The default knows no usage of ours in an issuing authority and would refuse the whole chain.
    return ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, usage
    )


def _name_fits(certificate: x509.Certificate, use: Use, site: str) -> bool:
    try:
        name = certificate_name(certificate)
    except CredentialError:
        return False
    return type(name) is use.value.name and name.site == site


def _subject(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, ValueError):
        return []


def _issued_in_order(chain: Sequence[x509.Certificate]) -> bool:
    try:
        for certificate, issuer in pairwise(chain):
            certificate.verify_directly_issued_by(issuer)
            issuer.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return True
