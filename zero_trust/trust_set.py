"""The trust set: the certificates a hub needs to believe its site, as the authority hands them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cryptography import x509

from zero_trust import fields
from zero_trust.credential import Use, certificate_bytes, certificate_key, load_certificate, verify
from zero_trust.errors import CredentialError
from zero_trust.keys import PublicKey
from zero_trust.names import ServiceName, check_label

VERSION = 1
RECEIPT_SERVICE = "intake"
TIME_SERVICE = "authority"


@dataclass(frozen=True, slots=True)
class TrustSet:
    """What a hub believes.

    Attributes:
        site: the site's name.
        root: trusted because a voucher named its hash.
        tls: issues certificates of servers and hubs.
        data: certifies keys that sign batches, receipts and the time.
    """

    site: str
    root: x509.Certificate
    tls: x509.Certificate
    data: x509.Certificate

    @property
    def packed(self) -> bytes:
        """As msgpack: version, site and three DER certificates."""
        certificates = (self.root, self.tls, self.data)
        return fields.pack(VERSION, self.site, *map(certificate_bytes, certificates))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what ``packed`` gave. Says nothing about whether to believe the root.

        Raises:
            TrustError: ``answer-not-believed``, if it is anything else.
        """
        layout = (int, str, bytes, bytes, bytes)
        version, site, *certificates = fields.unpack(packed, layout, code="answer-not-believed")
        if version != VERSION:
            raise CredentialError("answer-not-believed", f"a trust set of version {version}")
        return cls(check_label(site, "site"), *map(load_certificate, certificates))

    def receipt_key(self, certificate: bytes, now_ms: int) -> PublicKey:
        """The key that ``certificate`` (DER) certifies to sign this site's receipts and cursors.

        Raises:
            CredentialError: with one of the ``certificate-`` codes.
        """
        return self._service_key(certificate, Use.RECEIPT, RECEIPT_SERVICE, now_ms)

    def time_key(self, certificate: bytes, now_ms: int) -> PublicKey:
        """The key that ``certificate`` (DER) certifies to sign the time; raises as :meth:`receipt_key`."""
        return self._service_key(certificate, Use.TIME, TIME_SERVICE, now_ms)

    def _service_key(self, certificate: bytes, use: Use, service: str, now_ms: int) -> PublicKey:
        leaf = load_certificate(certificate)
        name = verify([leaf, self.data], root=self.root, site=self.site, use=use, now_ms=now_ms)
        if name != ServiceName(self.site, service):
            raise CredentialError("certificate-name-wrong")
        return certificate_key(leaf)
