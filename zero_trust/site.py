"""Makes a site: root, issuing authorities, and each process's own directory of keys.

Built beside its final place and renamed, so there is a whole site or none.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from zero_trust import keys
from zero_trust.authority import (
    SERIAL_BYTES,
    Issuer,
    issue,
    issue_server,
    make_data_authority,
    make_root,
    make_tls_authority,
)
from zero_trust.bundle import LIFE_MS, sign_bundle
from zero_trust.credential import Use
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.keystore import (
    PUBLIC_FILE,
    load_certificates,
    make_private_directory,
    save_certificates,
    save_key,
    write_file,
)
from zero_trust.names import ServiceName, check_label
from zero_trust.site_files import SERVICES, pin, save_bundle
from zero_trust.trust_set import RECEIPT_SERVICE, TrustSet

_DNS_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_LOCAL_HOSTS = ("localhost", "127.0.0.1")

_RECEIVER_TOML = """\
# A site of Lum. Paths are relative to this file; every key not given here has a default.
site = {site}
host = {host}        # under which hubs reach this site
bind = {bind}        # where broker, authority and portal listen

[ports]
mqtt = {mqtt}          # hubs hand over batches
nats = {nats}          # the site's own services, on this machine alone
authority = {authority}     # hubs enrol and renew
portal = {portal}        # pages
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of a site."""

    mqtt: int = 8883
    nats: int = 4222
    authority: int = 8443
    portal: int = 8080


@dataclass(frozen=True, slots=True)
class _Press:
    """Issues this site's first certificates, all at one moment."""

    site: str
    now_ms: int
    entropy: Callable[[int], bytes]
    tls: Issuer
    data: Issuer

    def service(self, name: str, use: Use, key: keys.PrivateKey) -> tuple[x509.Certificate, x509.Certificate]:
        issuer = self.data if use is Use.RECEIPT else self.tls
        service, serial = ServiceName(self.site, name), self.entropy(SERIAL_BYTES)
        leaf = issue(issuer, key.public_key(), name=service, use=use, now_ms=self.now_ms, serial=serial)
        return leaf, issuer.certificate

    def server(
        self, name: str, hosts: list[str], key: keys.PrivateKey
    ) -> tuple[x509.Certificate, x509.Certificate]:
        serial = self.entropy(SERIAL_BYTES)
        leaf = issue_server(
            self.tls, key.public_key(), service=name, hosts=hosts, now_ms=self.now_ms, serial=serial
        )
        return leaf, self.tls.certificate


def make_site(
    directory: Path,
    *,
    site: str,
    host: str,
    now_ms: int,
    entropy: Callable[[int], bytes],
    ports: Ports | None = None,
) -> None:
    """Make a site in ``directory``, which must be empty or missing.

    Raises:
        BadNameError: ``site`` is no site name.
        TrustError: ``host-malformed``.
        KeyStoreError: ``site-exists`` or ``directory-unusable``.
    """
    check_label(site, "site")
    check_host(host)
    building = directory.with_name(f".{directory.name}.new")
    try:
        if directory.exists() and any(directory.iterdir()):
            raise KeyStoreError("site-exists", str(directory))
        shutil.rmtree(building, ignore_errors=True)  # what a power cut may have left, used by nobody
        _fill(building, site, host, now_ms, entropy)
        write_file(building / "receiver.toml", _receiver_toml(site, host, ports or Ports()), PUBLIC_FILE)
        for name in ("policy.toml", "grants.toml"):
            write_file(building / name, resources.files(__package__).joinpath(name).read_bytes(), PUBLIC_FILE)
        building.rename(directory)
    except OSError as error:
        raise KeyStoreError("directory-unusable", f"{directory}: {error.strerror}") from error


def check_host(host: str) -> str:
    """Return ``host`` if hubs can be told to reach a site by it.

    Raises:
        TrustError: ``host-malformed``.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        if not _DNS_NAME.fullmatch(host):
            raise TrustError("host-malformed", repr(host[:80])) from error
    return host


def _fill(top: Path, site: str, host: str, now_ms: int, entropy: Callable[[int], bytes]) -> None:
    root = make_root(keys.generate_key(), site=site, now_ms=now_ms, serial=entropy(SERIAL_BYTES))
    press = _Press(
        site,
        now_ms,
        entropy,
        tls=make_tls_authority(
            root, keys.generate_key(), site=site, now_ms=now_ms, serial=entropy(SERIAL_BYTES)
        ),
        data=make_data_authority(
            root, keys.generate_key(), site=site, now_ms=now_ms, serial=entropy(SERIAL_BYTES)
        ),
    )
    make_private_directory(top)
    save_key(top / "root" / "root.key", root.key)
    save_certificates(top / "root" / "root.crt", (root.certificate,))
    _fill_intake(top / "intake", press, root.certificate)
    _fill_broker(top / "broker", press, root.certificate, host)
    _fill_authority(top / "authority", press, host)
    trust = TrustSet(
        site,
        roots=(root.certificate,),
        tls_authorities=(press.tls.certificate,),
        data_authorities=(press.data.certificate,),
        version=1,
        threshold=1,
        expires_ms=now_ms + LIFE_MS,
    )
    save_bundle(top / "authority", 1, sign_bundle(trust, [root.key]))
    save_certificates(top / "authority" / "ca.pem", (root.certificate,))
    for label in SERVICES:
        pin(top / "authority", label, load_certificates(top / f"{label}.crt")[0])


def _fill_intake(directory: Path, press: _Press, root: x509.Certificate) -> None:
    """Keys of the process that opens batches and signs receipts."""
    _save_service(directory, "client", "intake", press, Use.SERVICE_TLS)
    save_key(directory / "site.key", X25519PrivateKey.generate())
    save_certificates(directory / "ca.pem", (root,))
    _save_service(directory, "receipt", RECEIPT_SERVICE, press, Use.RECEIPT)


def _fill_broker(directory: Path, press: _Press, root: x509.Certificate, host: str) -> None:
    """Keys of the broker: a server like any other."""
    key = keys.generate_key()
    save_key(directory / "server.key", key)
    save_certificates(directory / "server.crt", press.server("broker", _hosts(host), key))
    save_certificates(directory / "ca.pem", (root,))


def _fill_authority(directory: Path, press: _Press, host: str) -> None:
    """Keys of the one process that issues."""
    for name, issuer in (("tls-ca", press.tls), ("data-ca", press.data)):
        save_key(directory / f"{name}.key", issuer.key)
        save_certificates(directory / f"{name}.crt", (issuer.certificate,))
    key = keys.generate_key()
    save_key(directory / "https.key", key)
    save_certificates(directory / "https.crt", press.server("authority", _hosts(host), key))
    save_key(directory / "callout.key", Ed25519PrivateKey.generate())
    _save_service(directory, "client", "authority", press, Use.SERVICE_TLS)


def _save_service(directory: Path, file: str, service: str, press: _Press, use: Use) -> None:
    key = keys.generate_key()
    save_key(directory / f"{file}.key", key)
    save_certificates(directory / f"{file}.crt", press.service(service, use, key))


def _hosts(host: str) -> list[str]:
    return list(dict.fromkeys((host, *_LOCAL_HOSTS)))


def _receiver_toml(site: str, host: str, ports: Ports) -> bytes:
    bind = "127.0.0.1" if host in _LOCAL_HOSTS else "0.0.0.0"
    text = _RECEIVER_TOML.format(
        site=json.dumps(site),
        host=json.dumps(host),
        bind=json.dumps(bind),
        mqtt=ports.mqtt,
        nats=ports.nats,
        authority=ports.authority,
        portal=ports.portal,
    )
    return text.encode()
