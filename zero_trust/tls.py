"""TLS contexts: 1.3 only, one pinned root, certificates at both ends wherever both have one."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from cryptography import x509

from zero_trust import keys
from zero_trust.errors import KeyStoreError
from zero_trust.keystore import certificates_pem, key_pem, read_private


def server_context(chain_file: Path, key_file: Path) -> ssl.SSLContext:
    """For the authority: proves the server; hubs prove themselves inside, by their identity keys.

    Raises:
        KeyStoreError: key or certificate cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a resumed session would skip the certificate checks of a full handshake
    _load_files(context, chain_file, key_file)
    return context


def pinned_context(root: x509.Certificate) -> ssl.SSLContext:
    """For a hub that talks to its authority: believes this root alone, and checks the host name."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificates_pem((root,)).decode())
    return context


def unproven_context() -> ssl.SSLContext:
    """For one question only: which root does the site show? A voucher's hash then proves the answer.

    Nothing secret may be sent over it, and nothing it brings is believed for its own sake.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hub_context(
    root: x509.Certificate, chain: tuple[x509.Certificate, ...], key: keys.PrivateKey
) -> ssl.SSLContext:
    """For a hub that talks to the broker: its key comes from memory and never touches a disk."""
    context = pinned_context(root)
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
