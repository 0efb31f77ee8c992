"""The site's configuration: strict, and every complaint names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync.receiver.config import ReceiverConfigError, load_config

MINIMUM = 'site = "demo"\nhost = "hubs.example.org"\nbind = "0.0.0.0"\n'


def test_three_keys_suffice_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Everything else has a default."""
    (tmp_path / "receiver.toml").write_text(MINIMUM + '[paths]\nrun = "/run/lum"\n')
    config = load_config(tmp_path / "receiver.toml")

    assert config.ports.mqtt == 8883
    assert config.paths.store == tmp_path / "store" / "lum.db"
    assert config.paths.admin_socket == Path("/run/lum/authority.sock")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('site = "demo"\n', "missing required field `host`"),
        (MINIMUM + "hosts = 1\n", "unknown field `hosts`"),
        (MINIMUM + "[ports]\nmqtt = 0\n", "$.ports.mqtt"),
        (MINIMUM + "[ports]\nmqtt = '8883'\n", "$.ports.mqtt"),
        (MINIMUM + "[ports]\nhttp = 80\n", "unknown field `http`"),
        (MINIMUM + "[paths]\nrun = 5\n", "$.paths.run"),
        (MINIMUM + "[limits]\nnonces_max = 0\n", "$.limits.nonces_max"),
        (MINIMUM + "[retention]\nreadings_days = 0\n", "$.retention.readings_days"),
        (MINIMUM + "[retention]\nevidence_days = 4000\n", "$.retention.evidence_days"),
        (MINIMUM + "[retention]\ndays = 4\n", "unknown field `days`"),
        (MINIMUM.replace("demo", "My Site"), "$.site"),
        ("site = ", "receiver.toml"),
        ("\xff", "receiver.toml"),
    ],
)
def test_whatever_does_not_fit_is_said_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    """One sentence, a hint, exit code 78."""
    file = tmp_path / "receiver.toml"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(ReceiverConfigError) as refused:
        load_config(file)

    assert complaint in str(refused.value)
    assert str(file) in str(refused.value)
    assert refused.value.hint
    assert refused.value.exit_code == 78


def test_a_missing_file_is_said_with_how_to_make_one(tmp_path: Path) -> None:
    """The hint is the command."""
    with pytest.raises(ReceiverConfigError) as refused:
        load_config(tmp_path / "receiver.toml")

    assert "lum-trust init" in refused.value.hint
