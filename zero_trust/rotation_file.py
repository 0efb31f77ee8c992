"""Puts a roll-over in place, in the site's directory: a power cut anywhere leaves the old state or the new one.

Keys first, then roots in addition, then the bundle: with that file the roll-over has happened. What is no
longer needed goes last; if it does not get that far, the next roll-over sweeps it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from zero_trust.authority import Issuer
from zero_trust.credential import certificate_key
from zero_trust.keys import PrivateKey
from zero_trust.keystore import load_certificates, load_key, save_certificates, save_key
from zero_trust.rotation import Rotation
from zero_trust.site_files import save_bundle
from zero_trust.trust_set import TrustSet

_HOLDERS = ("authority", "broker", "intake")  # each believes the roots in its own ca.pem


def root_keys(directories: Iterable[Path]) -> list[PrivateKey]:
    """All root keys in ``directories``.

    Raises:
        KeyStoreError: one cannot be read, or others can read it.
    """
    return [load_key(file) for directory in directories for file in sorted(directory.glob("*.key"))]


def apply(site: Path, rotation: Rotation) -> list[Path]:
    """Put ``rotation`` in place; gives the files of the new roots' keys, which belong offline.

    Raises:
        OSError: the directory cannot be written.
    """
    version, before, after = rotation.after.version, rotation.before, rotation.after
    made = [_save_root(site, version, number, root) for number, root in enumerate(rotation.roots, 1)]
    for kind, issuer in (("tls-ca", rotation.tls), ("data-ca", rotation.data)):
        save_key(site / "authority" / f"{kind}-{version}.key", issuer.key)
        save_certificates(site / "authority" / f"{kind}-{version}.crt", (issuer.certificate,))
    _save_roots(site, tuple(dict.fromkeys((*after.roots, *before.roots))))
    save_bundle(site / "authority", version, rotation.packed)
    _save_roots(site, after.roots)
    _sweep(site / "authority", after)
    return made


def _save_root(site: Path, version: int, number: int, root: Issuer) -> Path:
    file = site / "root" / f"root-{version}-{number}.key"
    save_key(file, root.key)
    save_certificates(file.with_suffix(".crt"), (root.certificate,))
    return file


def _save_roots(site: Path, roots: tuple[x509.Certificate, ...]) -> None:
    for holder in _HOLDERS:
        save_certificates(site / holder / "ca.pem", roots)


def _sweep(authority: Path, trust: TrustSet) -> None:
    """Destroy issuing keys that issue no more: whoever finds one later could still certify under it."""
    issuing = {certificate_key(one).public_numbers() for one in (trust.tls, trust.data)}
    for file in (*authority.glob("tls-ca*.crt"), *authority.glob("data-ca*.crt")):
        if certificate_key(load_certificates(file)[0]).public_numbers() not in issuing:
            file.with_suffix(".key").unlink(missing_ok=True)
            file.unlink()
