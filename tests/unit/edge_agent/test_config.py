"""The hub's configuration: strict, and each mistake is one sentence that names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import HubConfig, load
from edge_agent.errors import ConfigError


def test_an_empty_file_is_a_configuration_with_defaults(tmp_path: Path) -> None:
    """Every key has a default that a real hub can run on."""
    file = tmp_path / "hub.toml"
    file.write_text("")

    assert load(file) == HubConfig()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ("[radio]\nspeed = 1", "$.radio"),
        ("status_period_s = 'often'", "$.status_period_s"),
        ("[outbox]\nbatch_age_max_s = 99999", "batch_age_max_s"),
        ("not toml", "TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    """The installer reads which key of which file is wrong."""
    file = tmp_path / "hub.toml"
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(file)

    assert named in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """No configuration is the first thing a newcomer meets."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "hub.toml")

    assert "--config" in caught.value.hint


def test_sensors_are_not_configured_here(tmp_path: Path) -> None:
    """Whoever tries is told how they are added."""
    file = tmp_path / "hub.toml"
    file.write_text("[[sensors]]\nname = 'x'\n")

    with pytest.raises(ConfigError, match="sensors") as caught:
        load(file)

    assert caught.value.hint == "Sensors are added with: lum-hub sensors add"
