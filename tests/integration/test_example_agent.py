"""The README's example: another project's agent under test with this rig."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.examples.prove import prove

pytestmark = pytest.mark.needs("dbus-daemon")


async def test_the_agent_tells_all_that_was_said(tmp_path: Path) -> None:
    """Each reading, once."""
    said, told = await prove(tmp_path, crash=False)
    assert said.total() > 5
    assert told == said


async def test_the_rig_shows_that_the_agent_is_deaf_after_a_crash(tmp_path: Path) -> None:
    """Bleak's scanner does not notice, and neither does the agent."""
    said, told = await prove(tmp_path, crash=True)
    assert said.total() > 5
    assert not told
