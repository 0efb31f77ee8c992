"""Does ``agent.py`` hear everything, and does it survive a crash of bluetoothd? Run: python -m hil_tests.examples.prove."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hil_tests.rig.air import Air
from hil_tests.rig.beacons import SimulatedHome, Transmission
from hil_tests.rig.bluez.facade import FakeBluez
from hil_tests.rig.process import Process, until
from hil_tests.scenario import load_scenario

HERE = Path(__file__).parent
Heard = Counter[tuple[str, float]]  # sensor and temperature, how often


async def prove(directory: Path, *, crash: bool) -> tuple[Heard, Heard]:
    """Returns what was said in the home, and what the agent told of it."""
    air, said, scenario = Air(seed=7), list[Transmission](), load_scenario(HERE / "home.toml")
    home, told = SimulatedHome(air, scenario, said.append), directory / "told"
    async with FakeBluez(air, directory) as bluez:
        agent = Process("agent", [sys.executable, str(HERE / "agent.py")], told, bluez.environment)
        await agent.start()
        await until(lambda: bluez.sessions > 0, "The agent's scan", 20)
        if crash:
            await bluez.crash()
            await bluez.restart()
        home.start()
        await asyncio.sleep(scenario.duration_s)
        home.stop()
        await asyncio.sleep(1)  # the last copies
        await agent.kill()
    lines = [json.loads(line) for line in told.read_text().splitlines() if line.startswith("{")]
    return _temperatures(said), Counter((line["sensor"], line["celsius"]) for line in lines)


def _temperatures(said: list[Transmission]) -> Heard:
    return Counter(
        (one.sensor, float(reading.plain))
        for one in said
        for reading in one.readings
        if reading.kind == "temperature"
    )


if __name__ == "__main__":
    for crash in (False, True):
        with tempfile.TemporaryDirectory(prefix="lum-") as name:
            said, told = asyncio.run(prove(Path(name), crash=crash))
        after = " after bluetoothd crashed" if crash else ""
        sys.stdout.write(f"The agent told {(said & told).total()} of {said.total()} readings{after}.\n")
