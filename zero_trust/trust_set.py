"""The trust set: the certificates by which a hub believes its site. Signed and numbered it is a bundle (``bundle.py``).

An authority that is not named here is believed no more, whoever certified it: so is a stolen one withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from zero_trust import fields
from zero_trust.credential import (
    Use,
    certificate_bytes,
    certificate_key,
    load_certificate,
    verify,
    verify_server,
)
from zero_trust.errors import CredentialError, CredentialExpiredError
from zero_trust.keys import PublicKey
from zero_trust.names import HubName, ServiceName, check_label

FORMAT: Final = 2
EACH_MAX: Final = 8  # roots, or authorities of one kind
RECEIPT_SERVICE = "intake"
TIME_SERVICE = "authority"

_CODE: Final = "answer-not-believed"
_SIGNING: Final = frozenset({Use.HUB_DATA, Use.RECEIPT, Use.TIME})

Certificates = tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class TrustSet:
    """What a hub believes. Of each kind of authority the newest stands first: it is the one that issues.

    Attributes:
        site: the site's name.
        roots: their keys sign bundles and certify issuing authorities.
        tls_authorities: issue certificates of servers and hubs.
        data_authorities: certify keys that sign batches, receipts and the time.
        version: 1, 2, 3 ... in the life of a site.
        threshold: how many of ``roots`` must sign a bundle.
        expires_ms: wall clock; nothing is believed by it afterwards but its successor.
    """

    site: str
    roots: Certificates
    tls_authorities: Certificates
    data_authorities: Certificates
    version: int
    threshold: int
    expires_ms: int

    @property
    def root(self) -> x509.Certificate:
        """The newest root."""
        return self.roots[0]

    @property
    def tls(self) -> x509.Certificate:
        """The authority that issues TLS certificates now."""
        return self.tls_authorities[0]

    @property
    def data(self) -> x509.Certificate:
        """The authority that certifies signing keys now."""
        return self.data_authorities[0]

    @property
    def packed(self) -> bytes:
        """As msgpack: format, site, version, threshold, end, and three lists of DER certificates."""
        kinds = (self.roots, self.tls_authorities, self.data_authorities)
        lists = [list(map(certificate_bytes, kind)) for kind in kinds]
        return fields.pack(FORMAT, self.site, self.version, self.threshold, self.expires_ms, *lists)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what ``packed`` gave. Says nothing about whether to believe it.

        Raises:
            TrustError: ``answer-not-believed``, if it is anything else, or cannot do what it is for.
        """
        layout = (int, str, int, int, int, list, list, list)
        kind, site, version, threshold, expires_ms, *lists = fields.unpack(packed, layout, code=_CODE)
        if kind != FORMAT:
            raise CredentialError(_CODE, f"a trust set of format {kind}")
        roots, tls, data = map(_certificates, lists)
        trust = cls(check_label(site, "site"), roots, tls, data, version, threshold, expires_ms)
        if fault := _fault(trust):
            raise CredentialError(_CODE, fault)
        return trust

    def believe(self, leaf: x509.Certificate, use: Use, now_ms: int) -> HubName | ServiceName:
        """Believe a certificate at ``now_ms`` and give the name in it, or say why not.

        Raises:
            CredentialError: with one of the ``certificate-`` codes.
        """
        authorities = self.data_authorities if use in _SIGNING else self.tls_authorities
        issuer, root = self._path(leaf, authorities)
        return verify([leaf, issuer], root=root, site=self.site, use=use, now_ms=now_ms)

    def believe_server(self, leaf: x509.Certificate, host: str, now_ms: int) -> None:
        """Believe that ``leaf`` is of the site's server at ``host``; raises as :meth:`receipt_key`."""
        self._check_fresh(now_ms)
        issuer, root = self._path(leaf, self.tls_authorities)
        verify_server(leaf, issuer, root=root, host=host, now_ms=now_ms)

    def receipt_key(self, certificate: bytes, now_ms: int) -> PublicKey:
        """The key that ``certificate`` (DER) certifies to sign this site's receipts and cursors.

        Raises:
            CredentialError: ``bundle-expired``, or one of the ``certificate-`` codes.
        """
        return self._service_key(certificate, Use.RECEIPT, RECEIPT_SERVICE, now_ms)

    def time_key(self, certificate: bytes, now_ms: int) -> PublicKey:
        """The key that ``certificate`` (DER) certifies to sign the time; raises as :meth:`receipt_key`."""
        return self._service_key(certificate, Use.TIME, TIME_SERVICE, now_ms)

    def _service_key(self, certificate: bytes, use: Use, service: str, now_ms: int) -> PublicKey:
        self._check_fresh(now_ms)
        leaf = load_certificate(certificate)
        if self.believe(leaf, use, now_ms) != ServiceName(self.site, service):
            raise CredentialError("certificate-name-wrong")
        return certificate_key(leaf)

    def _check_fresh(self, now_ms: int) -> None:
        if now_ms >= self.expires_ms:
            raise CredentialExpiredError("bundle-expired", f"version {self.version}")

    def issuer_of(self, leaf: x509.Certificate) -> x509.Certificate:
        """The authority that issued ``leaf``; raises as :meth:`believe`."""
        return self._path(leaf, (*self.tls_authorities, *self.data_authorities))[0]

    def _path(
        self, leaf: x509.Certificate, authorities: Sequence[x509.Certificate]
    ) -> tuple[x509.Certificate, x509.Certificate]:
        """Who issued ``leaf``, and who certified that; both must be named here."""
        issuer = issuer_among(leaf, authorities)
        root = issuer and issuer_among(issuer, self.roots)
        if issuer is None or root is None:
            raise CredentialError("certificate-untrusted")
        return issuer, root


def issuer_among(
    certificate: x509.Certificate, authorities: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    """The one of ``authorities`` that signed ``certificate``, whatever the time."""
    return next((one for one in authorities if _issued(certificate, one)), None)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _certificates(ders: list[Any]) -> Certificates:
    if not all(isinstance(der, bytes) for der in ders):
        raise CredentialError(_CODE)
    return tuple(map(load_certificate, ders))


def _fault(trust: TrustSet) -> str:
    """Why a trust set cannot do what it is for; whoever took it up would believe nobody."""
    kinds = (trust.roots, trust.tls_authorities, trust.data_authorities)
    if not all(1 <= len(kind) <= EACH_MAX for kind in kinds):
        return f"1 to {EACH_MAX} certificates of each kind"
    if len({certificate_key(root).public_numbers() for root in trust.roots}) < len(trust.roots):
        return "two roots with one key"
    if not 1 <= trust.threshold <= len(trust.roots) or trust.version < 1:
        return f"version {trust.version}, threshold {trust.threshold} of {len(trust.roots)}"
    if not all(_issued(root, root) for root in trust.roots):
        return "a root that did not sign itself"
    authorities = (*trust.tls_authorities, *trust.data_authorities)
    if any(issuer_among(authority, trust.roots) is None for authority in authorities):
        return "an authority that none of its roots certified"
    return ""
