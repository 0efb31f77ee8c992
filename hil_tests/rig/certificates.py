"""Certificates of a site that end when the rig wants it: the same ones, signed anew with another last moment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from zero_trust.keys import PrivateKey
from zero_trust.keystore import load_certificates, load_key, save_certificates


@dataclass(frozen=True, slots=True)
class Shortened:
    """A certificate file in which the leaf now ends at ``end``; :meth:`put_back` undoes it.

    ``pin`` is where the authority knows its key from, and ``pinned`` what it held: without it nobody renews it.
    """

    file: Path
    end: dt.datetime
    before: tuple[x509.Certificate, ...] = field(repr=False)
    pin: Path | None = None
    pinned: bytes = field(default=b"", repr=False)

    def put_back(self) -> None:
        """The certificate is what it was, and is renewed again."""
        save_certificates(self.file, self.before)
        if self.pin is not None:
            self.pin.write_bytes(self.pinned)


def shorten(file: Path, issuer_key: Path, end: dt.datetime, pin: Path | None = None) -> Shortened:
    """Let the first certificate of ``file`` end at ``end``; who reads it anew has that one.

    With a ``pin``, that is taken away: the site does not renew the certificate meanwhile.

    Raises:
        KeyStoreError: there is no certificate, or no such key.
    """
    leaf, *others = before = load_certificates(file)
    save_certificates(file, (ending(leaf, load_key(issuer_key), end), *others))
    pinned = pin.read_bytes() if pin is not None else b""
    if pin is not None:
        pin.unlink()
    return Shortened(file, end, before, pin, pinned)


def ending(certificate: x509.Certificate, issuer_key: PrivateKey, end: dt.datetime) -> x509.Certificate:
    """The same certificate, but for its number and its last moment."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(certificate.not_valid_before_utc, end - dt.timedelta(minutes=1)))
        .not_valid_after(end)
    )
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(issuer_key, hashes.SHA256())
