"""The broker's configuration: closed by default, and its store emptied at each start."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from cloud_sync.receiver import broker
from cloud_sync.receiver.config import ReceiverConfig, load_config
from tests.helpers.trust import NOW_MS
from zero_trust.site import make_site


@pytest.fixture
def config(tmp_path: Path) -> ReceiverConfig:
    """A site whose directory needs quoting."""
    directory = tmp_path / 'a "site'
    make_site(directory, site="demo", host="127.0.0.1", now_ms=NOW_MS, entropy=os.urandom)
    return load_config(directory / "receiver.toml")


def test_the_broker_itself_takes_the_configuration(config: ReceiverConfig) -> None:
    """Checked by nats-server, quoting included; the file is private."""
    file = broker.prepare(config)
    checked = subprocess.run([*broker.command(config), "-t"], capture_output=True, text=True, check=False)

    assert "is valid" in checked.stderr
    assert checked.returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_start_empties_the_brokers_store(config: ReceiverConfig) -> None:
    """Nothing an old broker kept is read by a new one."""
    broker.prepare(config)
    old = config.paths.run / "broker" / "old"
    old.touch()

    broker.prepare(config)

    assert not old.exists()


def test_every_listener_wants_certificates_and_tls_13(config: ReceiverConfig) -> None:
    """Both listeners; services are known by certificate, there is no password, nothing else listens."""
    text = broker.broker_config(config, "AISSUER")

    assert text.count('min_version: "1.3"') == text.count("verify") == 2
    assert text.count("listen:") == 2
    assert "password" not in text
    assert 'issuer: "AISSUER"' in text
    assert "max_payload: 262144" in text


def test_intake_and_authority_show_their_own_certificates(config: ReceiverConfig) -> None:
    """Each comes back for ever, over TLS from the first byte."""
    for options in (broker.intake_options(config), broker.authority_options(config)):
        assert options.arguments["servers"] == "tls://127.0.0.1:4222"
        assert options.arguments["tls_handshake_first"]
        assert options.arguments["max_reconnect_attempts"] == -1
