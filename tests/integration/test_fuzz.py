"""The hub, whatever goes wrong: a few schedules on every run, many in ``make test-long``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.adapters.outbox import Outbox
from hil_tests.cli import cli
from hil_tests.fuzz import REAL, fuzz


def test_a_few_schedules_break_no_promise() -> None:
    """Faults fire in them."""
    campaign = fuzz(15, 1)
    assert campaign.found is None
    assert campaign.fired > 0


@pytest.mark.long
def test_a_thousand_schedules_break_no_promise() -> None:
    """As many as the command is asked for before a release."""
    assert fuzz(1000, 1).found is None


@pytest.mark.long
def test_a_few_schedules_break_no_promise_over_processes() -> None:
    """With killed and frozen processes, pulled dongles and broken lines among the faults."""
    campaign = fuzz(3, 2, tier=REAL)
    assert campaign.found is None, campaign.found.sentences
    assert campaign.invalid < campaign.played


@pytest.mark.long
def test_a_hub_that_forgets_its_guards_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what broke, keeps it as a scenario, and ends with 1."""
    monkeypatch.setattr(Outbox, "guards", lambda _self: {})
    file = tmp_path / "found.toml"
    ran = CliRunner().invoke(cli, ["fuzz", "--schedules", "200", "--into", str(file)])
    assert ran.exit_code == 1, ran.output
    assert f"again: lum-hil run {file} --virtual" in ran.output
    assert 'do = "hub.' in file.read_text()
