"""TLS contexts: 1.3 only, pinned roots, certificates at both ends wherever both have one."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509

from zero_trust import keys
from zero_trust.credential import load_certificate
from zero_trust.errors import CredentialError, KeyStoreError
from zero_trust.keystore import certificates_pem, key_pem, read_private
from zero_trust.trust_set import TrustSet

_NO_CHECK_TIME = 0x200000
# X509_V_ERR_... of openssl/x509_vfy.h, as OpenSSL itself would have said it.
_UNSPECIFIED, _NOT_YET_VALID, _HAS_EXPIRED = 1, 9, 10
_VERIFY_CODES = {"certificate-not-yet-valid": _NOT_YET_VALID, "certificate-expired": _HAS_EXPIRED}


def server_context(chain_file: Path, key_file: Path) -> ssl.SSLContext:
    """For the authority: proves the server; hubs prove themselves inside, by their identity keys.

    Raises:
        KeyStoreError: key or certificate cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a resumed session would skip the certificate checks of a full handshake
    _load_files(context, chain_file, key_file)
    return context


def pinned_context(roots: Iterable[x509.Certificate]) -> ssl.SSLContext:
    """For a hub that talks to its authority: believes these roots alone, and checks the host name."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificates_pem(tuple(roots)).decode())
    return context


def timeless_context(roots: Iterable[x509.Certificate]) -> ssl.SSLContext:
    """As :func:`pinned_context`, but dates are not looked at: for asking what time it is, and nothing else."""
    context = pinned_context(roots)
    # ssl has no name for X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h); everything else is still checked.
    context.verify_flags |= _NO_CHECK_TIME
    return context


def dated_context(trust: TrustSet, now_ms: Callable[[], int]) -> ssl.SSLContext:
    """As :func:`pinned_context`, but dates are judged by ``now_ms`` and not by this machine's clock.

    Args:
        trust: the authorities that are believed.
        now_ms: wall clock, as the site has told it.
    """

    class DatedSocket(ssl.SSLSocket):
        """Judges the other end's certificate once OpenSSL has found nothing but its dates to doubt."""

        def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class has it so
            super().do_handshake(block)
            shown = self.getpeercert(binary_form=True)
            try:
                leaf = load_certificate(shown or b"")
                trust.believe_server(leaf, str(self.server_hostname), now_ms())
            except CredentialError as error:
                self.close()
                raise _unverified(error) from error

    context = timeless_context(trust.roots)
    context.sslsocket_class = DatedSocket
    return context


def _unverified(error: CredentialError) -> ssl.SSLCertVerificationError:
    trouble = ssl.SSLCertVerificationError(1, str(error))
    trouble.verify_code = _VERIFY_CODES.get(error.code, _UNSPECIFIED)
    trouble.verify_message = str(error)
    return trouble


def unproven_context() -> ssl.SSLContext:
    """For one question only: which root does the site show? A voucher's hash then proves the answer.

    Nothing secret may be sent over it, and nothing it brings is believed for its own sake.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hub_context(
    context: ssl.SSLContext, chain: tuple[x509.Certificate, ...], key: keys.PrivateKey
) -> ssl.SSLContext:
    """Add a hub's certificate to ``context``: its key comes from memory and never touches a disk."""
    # OpenSSL loads keys from files only; this one lives in memory and has no name in any directory.
    descriptor = os.memfd_create("lum-tls", os.MFD_CLOEXEC)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - wraps a descriptor
        file.write(certificates_pem(chain) + key_pem(key))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context


def service_context(root_file: Path, chain_file: Path, key_file: Path) -> ssl.SSLContext:
    """For a service of the site that talks to the broker.

    Raises:
        KeyStoreError: key or certificate cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=root_file)
    except OSError as error:  # ssl.SSLError is one
        raise KeyStoreError("key-unreadable", str(root_file)) from error
    _load_files(context, chain_file, key_file)
    return context


def service_question_context(root_file: Path) -> ssl.SSLContext:
    """For a service of the site that asks the authority on the same machine for its next certificate.

    Neither name nor dates are looked at: nothing secret is sent, what comes back is for a key that the service
    holds, and a certificate that has ended must not keep the site from getting another one.

    Raises:
        KeyStoreError: the roots cannot be read.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= _NO_CHECK_TIME
    try:
        context.load_verify_locations(cafile=root_file)
    except OSError as error:  # ssl.SSLError is one
        raise KeyStoreError("key-unreadable", str(root_file)) from error
    return context


def take_up(context: ssl.SSLContext, directory: Path, name: str) -> None:
    """Let the next handshakes of a living context use what lies in ``directory`` now; roots are only added.

    Raises:
        KeyStoreError: key or certificate cannot be used.
    """
    if context.verify_mode is ssl.CERT_REQUIRED:
        context.load_verify_locations(cafile=directory / "ca.pem")
    _load_files(context, directory / f"{name}.crt", directory / f"{name}.key")


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _load_files(context: ssl.SSLContext, chain_file: Path, key_file: Path) -> None:
    read_private(key_file)  # refuses a key that others can read
    try:
        context.load_cert_chain(chain_file, key_file)
    except OSError as error:  # ssl.SSLError is one
        raise KeyStoreError("key-unreadable", f"{chain_file} with {key_file}") from error
