"""The key store: private files, whole writes, and a plain no to anything odd."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.helpers.trust import Site
from zero_trust import keys, keystore
from zero_trust.errors import KeyStoreError


def test_a_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """File 0600, directory 0700, and the key comes back."""
    key, path = keys.generate_key(), tmp_path / "state" / "identity.key"
    keystore.save_key(path, key)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keystore.load_key(path).public_key() == key.public_key()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The sentence names the file and its mode."""
    path = tmp_path / "identity.key"
    keystore.save_key(path, keys.generate_key())
    path.chmod(mode)

    with pytest.raises(KeyStoreError, match=f"identity.key has mode {mode:04o}") as refused:
        keystore.load_key(path)

    assert refused.value.code == "key-readable-by-others"


def test_missing_damaged_and_foreign_keys_are_told_apart(tmp_path: Path) -> None:
    """Each gets its code, never a traceback of the library's."""
    (tmp_path / "damaged").touch(0o600)
    keystore.save_key(tmp_path / "site", X25519PrivateKey.generate())
    keystore.save_key(tmp_path / "callout", Ed25519PrivateKey.generate())
    keystore.save_key(tmp_path / "p256", keys.generate_key())
    cases = [
        (keystore.load_key, "absent", "key-missing"),
        (keystore.load_key, "damaged", "key-unreadable"),
        (keystore.load_key, "site", "key-unreadable"),
        (keystore.load_site_key, "callout", "key-unreadable"),
        (keystore.load_callout_key, "p256", "key-unreadable"),
        (keystore.load_certificates, "absent", "key-missing"),
        (keystore.load_certificates, "p256", "key-unreadable"),
    ]

    for load, name, code in cases:
        with pytest.raises(KeyStoreError) as refused:
            load(tmp_path / name)
        assert refused.value.code == code, name


def test_each_kind_of_key_comes_back(tmp_path: Path) -> None:
    """Site key and callout key survive their files."""
    site, callout = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keystore.save_key(tmp_path / "site", site)
    keystore.save_key(tmp_path / "callout", callout)

    assert keystore.load_site_key(tmp_path / "site").public_key() == site.public_key()
    assert keystore.load_callout_key(tmp_path / "callout").public_key() == callout.public_key()


def test_a_chain_comes_back_in_order(tmp_path: Path) -> None:
    """Leaf first, issuer second."""
    site = Site()
    chain = (site.tls.certificate, site.root.certificate)
    keystore.save_certificates(tmp_path / "chain.crt", chain)

    assert keystore.load_certificates(tmp_path / "chain.crt") == chain


def test_what_a_power_cut_left_is_no_obstacle(tmp_path: Path) -> None:
    """A half-written temporary file is replaced, and the old content stood until then."""
    path = tmp_path / "credential"
    keystore.write_private(path, b"old")
    (tmp_path / "credential.new").write_bytes(b"ha")
    assert keystore.read_private(path) == b"old"

    keystore.write_private(path, b"new")

    assert keystore.read_private(path) == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["credential"]
