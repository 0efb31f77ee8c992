"""What faults lay hands on in virtual time: the same ``Bench`` as over processes, with the parts that T0 has."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil_tests.inprocess.hub import VirtualHub, wall_s
from hil_tests.rig.errors import RigError
from hil_tests.strategy import EFFECT_WAIT_S, Bench

if TYPE_CHECKING:
    from hil_tests.inprocess.line import Line
    from hil_tests.ledger import Ledger
    from hil_tests.rig.air import Air
    from hil_tests.rig.beacons import SimulatedHome
    from hil_tests.scenario import Scenario

LOOK_EVERY_S = 0.1
_ABSENT: dict[str, Any] = {  # the parts that are processes
    part.name: None
    for part in dataclasses.fields(Bench)
    if part.init and part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
}


class VirtualBench(Bench):
    """One chain in one process; what needs a process is not there (``faults.py`` says what can be played)."""

    def __init__(
        self,
        scenario: Scenario,
        directory: Path,
        air: Air,
        ledger: Ledger,
        home: SimulatedHome,
        virtual_hub: VirtualHub,
        line: Line,
    ) -> None:
        there = {"scenario": scenario, "directory": directory, "air": air, "ledger": ledger, "home": home}
        super().__init__(**(_ABSENT | there))
        self.virtual_hub = virtual_hub
        self.line = line

    def counted(self, reason: str) -> int:
        """How often the hub, in all its lives, counted this."""
        return self.virtual_hub.counts()[reason]

    async def until(self, condition: Callable[[], bool], what: str, wait_s: float = EFFECT_WAIT_S) -> None:
        """Wait for an effect, in virtual time.

        Raises:
            RigError: it did not come.
        """
        waited_until_s = wall_s() + wait_s
        while not condition():
            if wall_s() > waited_until_s:
                raise RigError(f"{what[0].upper()}{what[1:]} did not come within {wait_s:g} s.")
            await asyncio.sleep(LOOK_EVERY_S)
