"""The sensors of a scenario whose firmware really runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from hil_tests.rig.air import Air, Link
from hil_tests.rig.beacons import Report
from hil_tests.rig.errors import RigError
from hil_tests.rig.nodes import ACTS, Node

if TYPE_CHECKING:
    from hil_tests.scenario import Event, Scenario, SensorPlan

NAME_BYTES_MAX = 20  # what the firmware takes


class NodeHome:
    """All sensors of a scenario with ``runs = "firmware"``."""

    def __init__(
        self, air: Air, scenario: Scenario, directory: Path, report: Report, *, hub: str = "hub"
    ) -> None:
        """Set up the nodes, without power as yet.

        Args:
            air: The medium.
            scenario: Who is there and what happens.
            directory: Where their flash is.
            report: Told each transmission before its first copy is sent.
            hub: The station whose links the scenario describes.
        """
        self._events = scenario.events
        self._timers: list[asyncio.TimerHandle] = []
        self._nodes: dict[str, Node] = {}
        for plan in scenario.sensors:
            if plan.runs == "firmware":
                self._nodes[plan.name] = _node(air, scenario, plan, directory / plan.name, report)
                air.arrange(plan.address, hub, Link(plan.loss, plan.signal_dbm, plan.sigma_db))

    def node(self, sensor: str) -> Node:
        """The node of that name.

        Raises:
            RigError: None has it, or it is scripted.
        """
        if sensor not in self._nodes:
            raise RigError(f"No sensor called {sensor!r} runs firmware.")
        return self._nodes[sensor]

    async def start(self) -> None:
        """Give all of them power, wait until each has spoken, and begin the story now.

        Raises:
            RigError: a node did not come up; with its last words.
        """
        await asyncio.gather(*(node.start() for node in self._nodes.values()))
        loop = asyncio.get_running_loop()
        for event in self._events:
            if event.sensor in self._nodes:
                self._timers.append(loop.call_later(event.at_s, self._do, event))

    async def stop(self) -> None:
        """Take everybody's power away."""
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))

    def _do(self, event: Event) -> None:
        node = self._nodes[event.sensor]
        for act in ACTS[node.kind]:
            if act == event.do:
                node.act(act)


def _node(air: Air, scenario: Scenario, plan: SensorPlan, flash: Path, report: Report) -> Node:
    """The node of one plan; whether its behaviour can be fitted was checked with the scenario."""
    kind = next(kind for kind in ACTS if kind == plan.behaviour)
    return Node(
        air,
        plan.name[:NAME_BYTES_MAX],
        plan.address,
        directory=flash,
        kind=kind,
        key=scenario.key_of(plan),
        period_s=round(plan.period_s),
        report=report,
    )
