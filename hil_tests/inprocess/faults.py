"""The faults that can be played in virtual time, each with its evidence.

Those of the air and of sensors are played as they are; those of processes have another meaning here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from hil_tests.evidence import Evidence
from hil_tests.faults import Fault
from hil_tests.faults.hub import HubKill, HubRestart
from hil_tests.faults.line import LinePartition, LineRefused
from hil_tests.faults.radio import RadioCut, RadioDeaf, RadioLoss, RadioWeak
from hil_tests.faults.sensor import (
    SensorDead,
    SensorForged,
    SensorGhost,
    SensorReplayed,
    SensorReset,
    SensorSpoofed,
    SensorStuck,
)
from hil_tests.inprocess.hub import wall_s
from hil_tests.rig.errors import RigError

if TYPE_CHECKING:
    from hil_tests.inprocess.bench import VirtualBench
    from hil_tests.scenario import Scenario

Seen: TypeAlias = tuple[bool, str, dict[str, Any]]  # did it fire, in words, what was measured
Play: TypeAlias = Callable[[Any, "VirtualBench"], Awaitable[Seen]]


def playable(scenario: Scenario) -> bool:
    """Whether all its faults can be played, and all its sensors speak, in virtual time."""
    scripted = all(plan.runs == "script" for plan in scenario.sensors)
    return scripted and scenario.hub.radio == "hci" and all(type(fault) in PLAYS for fault in scenario.faults)


def check(faults: Iterable[Fault]) -> None:
    """See that each can be played.

    Raises:
        RigError: one cannot.
    """
    for fault in faults:
        if type(fault) not in PLAYS:
            raise RigError(
                f"The fault {fault.verb!r} needs real processes; virtual time has none.",
                hint=f"Run it over processes. Virtual time plays: {', '.join(sorted(VERBS))}.",
            )


async def play(fault: Fault, bench: VirtualBench) -> Evidence:
    """Do it at its time, wait, undo it; what is then known of it."""
    await asyncio.sleep(fault.at_s)
    at = wall_s()
    fired, sentence, facts = await PLAYS[type(fault)](fault, bench)
    return Evidence(fault.verb, at, wall_s(), fired, sentence, facts)


async def _as_it_is(fault: Fault, bench: VirtualBench) -> Seen:
    await fault.begin(bench)
    await asyncio.sleep(fault.for_s)
    await fault.end(bench)
    return fault.proof(bench)


async def _kill(fault: HubKill, bench: VirtualBench) -> Seen:
    """All that the hub's process knew is gone; a new life finds the disk as it was in that moment."""
    hub = bench.virtual_hub
    was_alive, life = hub.alive, await hub.kill()
    bench.hub_kills.append(wall_s())
    bench.ledger.killed()
    bench.blind("hub down")
    await asyncio.sleep(fault.for_s)
    lived, waiting = len(hub.lives), life.waiting
    hub.start()
    await bench.until(lambda: hub.alive, "the hub's start")
    bench.sighted("hub down")
    facts = {"life": lived, "uncommitted": life.uncommitted, "uncut": life.uncut, "waiting": waiting}
    sentence = (
        f"life {lived} ended with {life.uncommitted} readings in memory alone, {life.uncut} committed and uncut, "
        f"{waiting} batches without a receipt"
    )
    return was_alive, sentence, facts


async def _restart(fault: HubRestart, bench: VirtualBench) -> Seen:
    life = await bench.virtual_hub.stop()
    bench.blind("hub down")
    await asyncio.sleep(fault.for_s)
    bench.sighted("hub down")
    bench.virtual_hub.start()
    return life.uncommitted == 0, f"it ended with {life.uncommitted} readings in memory alone", {}


async def _away(fault: LinePartition | LineRefused, bench: VirtualBench) -> Seen:
    before = bench.line.failed
    bench.line.leave()
    await asyncio.sleep(fault.for_s)
    bench.line.come_back()
    failed = bench.line.failed - before
    return failed > 0, f"{failed} connections and messages failed", {"failed": failed}


PLAYS: Mapping[type[Fault], Play] = {
    HubKill: _kill,
    HubRestart: _restart,
    LinePartition: _away,  # both are a connection that is gone, and comes back
    LineRefused: _away,
    **dict.fromkeys(
        (
            RadioLoss,
            RadioCut,
            RadioWeak,
            RadioDeaf,
            SensorDead,
            SensorStuck,
            SensorGhost,
            SensorReset,
            SensorReplayed,
            SensorSpoofed,
            SensorForged,
        ),
        _as_it_is,
    ),
}
VERBS = [str(kind.__struct_config__.tag) for kind in PLAYS]
