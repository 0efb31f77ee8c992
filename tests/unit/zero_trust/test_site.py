"""Making a site: whole or not at all, each process with its own keys, nothing overwritten."""

from __future__ import annotations

import os
import ssl
import stat
import time
from pathlib import Path

import pytest

from cloud_sync.receiver.config import load_config
from tests.helpers.trust import NOW_MS
from zero_trust import credential, tls
from zero_trust.bundle import first_bundle
from zero_trust.credential import Use, certificate_bytes
from zero_trust.errors import BadNameError, KeyStoreError, TrustError
from zero_trust.keystore import load_callout_key, load_certificates, load_key, load_site_key, read_private
from zero_trust.names import ServiceName
from zero_trust.site import Ports, check_host, make_site
from zero_trust.voucher import root_hash


def make(directory: Path, site: str = "demo", host: str = "127.0.0.1", now_ms: int = NOW_MS) -> Path:
    """Make a site with ports of its own."""
    make_site(directory, site=site, host=host, now_ms=now_ms, entropy=os.urandom, ports=Ports(nats=4333))
    return directory


def hash_of_root(top: Path) -> bytes:
    """As a voucher names it."""
    [root] = load_certificates(top / "root" / "root.crt")
    return root_hash(certificate_bytes(root))


def test_a_site_has_what_each_process_needs(tmp_path: Path) -> None:
    """Every key loads, fits its certificate, and every certificate leads to the root."""
    top = make(tmp_path / "site")
    trust = first_bundle(read_private(top / "authority" / "bundles" / "1"), hash_of_root(top))
    leaves = [
        ("intake/client", Use.SERVICE_TLS, "intake"),
        ("intake/receipt", Use.RECEIPT, "intake"),
        ("authority/client", Use.SERVICE_TLS, "authority"),
    ]
    for file, use, service in leaves:
        chain = load_certificates(top / f"{file}.crt")
        name = credential.verify(chain, root=trust.root, site="demo", use=use, now_ms=NOW_MS)
        assert name == ServiceName("demo", service)
        assert credential.certificate_key(chain[0]) == load_key(top / f"{file}.key").public_key()

    assert load_certificates(top / "root" / "root.crt") == (trust.root,)
    assert load_key(top / "root" / "root.key").public_key() == trust.root.public_key()
    load_site_key(top / "intake" / "site.key")
    load_callout_key(top / "authority" / "callout.key")


def test_only_its_owner_can_read_a_sites_keys(tmp_path: Path) -> None:
    """Every key and the directories around them are private; the rest holds no key."""
    top = make(tmp_path / "site")
    files = [file for file in top.rglob("*") if file.is_file()]

    assert all(stat.S_IMODE(file.parent.stat().st_mode) == 0o700 for file in files)
    for file in files:
        private = stat.S_IMODE(file.stat().st_mode) == 0o600
        assert private or b"PRIVATE KEY" not in file.read_bytes(), file


def test_the_configuration_is_one_that_the_receiver_takes(tmp_path: Path) -> None:
    """Site, host and ports come back; a loopback host listens on loopback alone."""
    local = load_config(make(tmp_path / "local") / "receiver.toml")
    public = load_config(make(tmp_path / "public", host="hubs.example.org") / "receiver.toml")

    assert (local.site, local.host, local.bind, local.ports.nats) == ("demo", "127.0.0.1", "127.0.0.1", 4333)
    assert (public.host, public.bind) == ("hubs.example.org", "0.0.0.0")
    assert local.paths.authority == tmp_path / "local" / "authority"


def test_servers_answer_under_the_sites_host(tmp_path: Path) -> None:
    """A pinned client shakes hands with the authority's certificate, by name and on this machine."""
    now_ms = time.time_ns() // 1_000_000  # OpenSSL judges by the real clock
    top = make(tmp_path / "site", host="hubs.example.org", now_ms=now_ms)
    root = load_certificates(top / "root" / "root.crt")[0]
    server = tls.server_context(top / "authority" / "https.crt", top / "authority" / "https.key")

    for host in ("hubs.example.org", "localhost", "127.0.0.1"):
        assert _shakes_hands(tls.pinned_context([root]), server, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shakes_hands(tls.pinned_context([root]), server, "elsewhere.example.org")


def test_a_site_is_never_overwritten(tmp_path: Path) -> None:
    """A directory that holds anything is refused and stays as it was."""
    (tmp_path / "letter").write_text("dear")

    with pytest.raises(KeyStoreError) as refused:
        make(tmp_path)

    assert refused.value.code == "site-exists"
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter"]


def test_what_a_power_cut_left_is_no_obstacle(tmp_path: Path) -> None:
    """Half a site beside the final place is thrown away; nobody has used its keys."""
    (tmp_path / ".site.new").mkdir()
    (tmp_path / ".site.new" / "half").touch()

    make(tmp_path / "site")

    assert [entry.name for entry in tmp_path.iterdir()] == ["site"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """One sentence that names the directory."""
    (tmp_path / "file").touch()

    with pytest.raises(KeyStoreError, match="file/site") as refused:
        make(tmp_path / "file" / "site")

    assert refused.value.code == "directory-unusable"


def test_impossible_names_make_no_site(tmp_path: Path) -> None:
    """A bad site name or host is refused before anything is made."""
    with pytest.raises(BadNameError):
        make(tmp_path / "site", site="My Site")
    with pytest.raises(TrustError) as refused:
        make(tmp_path / "site", host="https://hubs.example.org")

    assert refused.value.code == "host-malformed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["localhost", "hubs.example.org", "192.0.2.1", "2001:db8::1", "a-b.c"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    """What a hub can be told to reach."""
    assert check_host(host) == host


@pytest.mark.parametrize("host", ["", "a b", "-a", "a-", "a..b", "x" * 64, "h:8443", "a/b", "a\n"])
def test_other_things_are_no_hosts(host: str) -> None:
    """Ports, paths and stray signs are refused."""
    with pytest.raises(TrustError):
        check_host(host)


def _shakes_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> bool:
    """Both ends in memory; raises what the client raises."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=host)
    far = server.wrap_bio(up, down, server_side=True)
    done = {near: False, far: False}
    for _ in range(5):
        for end in done:
            try:
                end.do_handshake()
                done[end] = True
            except ssl.SSLWantReadError:
                continue
    return all(done.values())
