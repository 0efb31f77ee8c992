"""The site's configuration: strict, and every complaint names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync.receiver.channels import Webhook
from cloud_sync.receiver.config import ReceiverConfigError, load_config

MINIMUM = 'site = "demo"\nhost = "hubs.example.org"\nbind = "0.0.0.0"\n'

TOKEN = "t0ken-that-nobody-may-see"
CHANNEL = f"""
[[channel]]
name = "sms"
to = "family"
kind = "webhook"
url = "https://sms.example.org/{TOKEN}"
secret = "notify/sms.key"
"""


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
        (MINIMUM + CHANNEL.replace("https:", "http:"), "Expected https"),
        (MINIMUM + CHANNEL.replace("https:", "file:"), "Expected an address such as"),
        (MINIMUM + CHANNEL.replace("family", "everybody"), "$.channel[0].to"),
        (MINIMUM + CHANNEL.replace("webhook", "pigeon"), "$.channel[0].kind"),
        (MINIMUM + CHANNEL.replace("secret =", "key ="), "$.channel[0]"),
        (MINIMUM + CHANNEL + CHANNEL, "there is more than one channel 'sms'"),
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
    assert TOKEN not in str(refused.value)
    assert refused.value.hint
    assert refused.value.exit_code == 78


def test_a_channel_shows_its_address_to_nobody(tmp_path: Path) -> None:
    """Not when the configuration is printed; its files are relative to the configuration's own."""
    (tmp_path / "receiver.toml").write_text(MINIMUM + CHANNEL)
    config = load_config(tmp_path / "receiver.toml")
    [channel] = config.channels
    assert isinstance(channel, Webhook)
    assert (channel.url.host, channel.url.target) == ("sms.example.org", f"/{TOKEN}")
    assert channel.secret == tmp_path / "notify" / "sms.key"
    assert TOKEN not in repr(config)


def test_a_missing_file_is_said_with_how_to_make_one(tmp_path: Path) -> None:
    """The hint is the command."""
    with pytest.raises(ReceiverConfigError) as refused:
        load_config(tmp_path / "receiver.toml")

    assert "lum-trust init" in refused.value.hint
