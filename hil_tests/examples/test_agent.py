"""Does ``agent.py`` tell everything, and does it survive a crash of bluetoothd? Run: pytest hil_tests/examples --rig bluez."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from hil_tests.pytest_plugin import Around
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.target import Target

HERE = Path(__file__).parent
AGENT = [sys.executable, str(HERE / "agent.py")]


def said(target: Target) -> Counter[tuple[str, float]]:
    """Each temperature that was said in the home, and how often."""
    readings = [(one.sensor, reading) for one in target.said for reading in one.readings]
    return Counter((sensor, float(one.plain)) for sensor, one in readings if one.kind == "temperature")


def told(target: Target) -> Counter[tuple[str, float]]:
    """Each temperature that the agent told, and how often."""
    lines = [json.loads(line) for line in target.told() if line.startswith("{")]
    return Counter((line["sensor"], line["celsius"]) for line in lines)


@pytest.mark.rigs("bluez", "vm")
async def test_the_agent_tells_all_that_was_said(target: Around) -> None:
    """Each reading, once."""
    async with target(HERE / "home.toml") as there:
        await there.start(AGENT)
        await there.story()
        assert said(there).total() > 5
        assert told(there) == said(there)


@pytest.mark.rigs("bluez")
async def test_the_agent_is_deaf_after_a_crash(target: Around) -> None:
    """Bleak's scanner does not notice, and neither does the agent: the rig shows what nobody would see."""
    async with target(HERE / "home.toml") as there:
        await there.start(AGENT)
        assert isinstance(there.driver, FakeBluez)
        await there.driver.crash()
        await there.driver.restart()
        await there.story()
        assert said(there).total() > 5
        assert not told(there)
