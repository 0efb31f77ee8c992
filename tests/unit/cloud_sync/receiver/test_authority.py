"""The authority's doors: prompt, private, and said plainly when they cannot be opened."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from cloud_sync.receiver import authority
from cloud_sync.receiver.config import ReceiverConfig, ReceiverConfigError, load_config
from cloud_sync.receiver.office import open_office
from hil_tests.rig.ports import free_ports
from tests.helpers.trust import NOW_MS
from zero_trust.site import Ports, make_site


@pytest.fixture
def config(tmp_path: Path) -> ReceiverConfig:
    """A site on free ports."""
    ports = Ports(*free_ports(4))
    directory = tmp_path / "site"
    make_site(directory, site="demo", host="127.0.0.1", now_ms=NOW_MS, entropy=os.urandom, ports=ports)
    return load_config(directory / "receiver.toml")


def test_answers_to_hubs_do_not_wait_for_an_acknowledgement(config: ReceiverConfig) -> None:
    """Without TCP_NODELAY each answer took 44 ms instead of 2."""
    with authority._listen_tcp(config) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_said_with_its_key(config: ReceiverConfig) -> None:
    """One sentence that names the key, the address and the cause."""
    with (
        authority._listen_tcp(config),
        pytest.raises(ReceiverConfigError, match=r"ports\.authority: 127\.0\.0\.1") as refused,
        authority._listen_tcp(config),
    ):
        pass

    assert refused.value.hint


def test_the_admin_socket_is_its_owners_alone_and_leaves_nothing(config: ReceiverConfig) -> None:
    """0600 in a 0700 directory; what a crash left behind is no obstacle; gone afterwards."""
    path = config.paths.admin_socket
    path.parent.mkdir(mode=0o700)
    path.touch()
    with authority._listen_admin(path):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert not path.exists()


def test_a_deep_directory_is_no_obstacle_to_the_admin_socket(tmp_path: Path) -> None:
    """Socket paths are limited to 107 bytes; ours may be longer."""
    path = tmp_path / ("d" * 100) / "authority.sock"
    with authority._listen_admin(path):
        assert path.exists()


def test_the_office_opens_with_a_sites_own_keys(config: ReceiverConfig) -> None:
    """Issuers fit the trust set, and no key shows in a repr."""
    office = open_office(config)

    assert office.tls.certificate == office.trust.tls
    assert office.data.certificate == office.trust.data
    assert "key" not in repr(office)
