"""Runs one scenario on the chain and says what it proves. READ FIRST of the rig's proving side.

    bring up > play the story, its faults beside it > hand over > judge

``strategy.py`` brings the chain up, ``faults/`` do what goes wrong, ``ledger.py`` and ``verdict.py``
judge, ``report.py`` shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from hil_tests import mutants
from hil_tests.chaos import unproven
from hil_tests.evidence import Evidence
from hil_tests.faults import Fault
from hil_tests.leaks import leaks, leaks_under, secrets_of
from hil_tests.means import on_tier
from hil_tests.mishaps import mishaps
from hil_tests.rig.capture import Capture, Captured
from hil_tests.rig.errors import RigError
from hil_tests.rig.process import until
from hil_tests.scenario import Scenario
from hil_tests.strategy import Bench, brought_up
from hil_tests.tier import Tier
from hil_tests.verdict import Observed, Verdict, judge

LOOK_EVERY_S = 0.3
DRAIN_WAIT_S = 60.0
SILENT_WAIT_S = 3.0
LAST_ADVERTS_S = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Look:
    """What the hub said of itself at one time (wall time, s)."""

    at: float
    uplink: str
    alarms: tuple[str, ...]
    waiting: int
    heard: int


@dataclass(slots=True)
class Result:
    """One run.

    Attributes:
        tier: On what it was played, if that is not what the scenario says itself.
        story_at: When its story began (wall time, s); 0 if it never did.
        capture: What its radio's capture holds, if there is one.
    """

    scenario: Scenario
    file: str
    seed: int
    verdict: Verdict = Verdict.INVALID
    sentences: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    began: float = 0.0
    story_at: float = 0.0
    ended: float = 0.0
    tier: Tier | None = None
    capture: Captured | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    stored: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, Any]] = field(default_factory=list)
    blind: list[dict[str, Any]] = field(default_factory=list)

    def doubt(self, mishaps: list[str]) -> None:
        """With any of these the run proves nothing, whatever was seen."""
        if mishaps:
            self.verdict = Verdict.INVALID
            self.sentences = [*mishaps, *self.sentences]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def name(self) -> str:
        """What its files are called."""
        return "-".join([Path(self.file).stem, str(self.seed), *([self.tier.value] if self.tier else [])])

    @property
    def replay(self) -> str:
        """The one line that runs it again."""
        where = f" --rig {self.tier.value}" if self.tier else ""
        return f"lum-hil run {self.file}{where} --seed {self.seed}"


async def run(
    scenario: Scenario,
    file: str,
    *,
    say: Say = lambda _line: None,
    mutant: str | None = None,
    tier: Tier | None = None,
    into: Path | None = None,
) -> Result:
    """Run a scenario in a throwaway chain; whatever fails is in the result, never an exception of the rig's.

    Args:
        scenario: What is played.
        file: Where it came from, for who wants to run it again.
        say: Told each step.
        mutant: The bug that is planted in the hub (``mutants/``).
        tier: Play it on this, in place of what its hub's ``radio`` says.
        into: Where to keep a capture of the hub's radio; None: keep none.

    Raises:
        RigError: it cannot be played on that tier.
    """
    if tier is not None:
        scenario = on_tier(scenario, tier)
    planted = mutants.environment(mutant) if mutant else {}
    result = Result(scenario, file, scenario.seed, began=time.time(), tier=tier)
    with (
        tempfile.TemporaryDirectory(prefix="lum-", ignore_cleanup_errors=True) as name,
        _captured(result, into) as capture,
        mishaps() as told,
    ):
        try:
            async with brought_up(scenario, Path(name), say, planted, capture) as bench:
                await _play(bench, result, say)
                seen = await _observe(bench, result)
                result.verdict, result.sentences = judge(scenario.expect, seen, scenario.expected_failure)
        except RigError as error:
            result.sentences.append(f"The rig failed: {error}")
    result.doubt(told)
    result.ended = time.time()
    return result


@contextlib.contextmanager
def _captured(result: Result, into: Path | None) -> Iterator[Capture | None]:
    """A capture beside the run's report; what it holds is in the result afterwards."""
    if into is None:
        yield None
        return
    with Capture(into / f"{result.name}.btsnoop") as capture:
        yield capture
        result.capture = capture.captured


async def _play(bench: Bench, result: Result, say: Say) -> None:
    """The story, and what goes wrong meanwhile."""
    say(f"story of {bench.scenario.duration_s:g} s")
    watching = asyncio.create_task(_watch(bench, result.looks))
    await bench.nodes.start()
    result.story_at = time.time()
    bench.home.start()
    await bench.visited.start()
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.TaskGroup() as tasks:
            for fault in bench.scenario.faults:
                tasks.create_task(_at(fault, began, bench, result.evidence, say))
            tasks.create_task(asyncio.sleep(bench.scenario.duration_s))
    except* RigError as group:
        raise group.exceptions[0] from group
    finally:
        bench.home.stop()
        bench.visited.stop()
        await bench.nodes.stop()
    say("hands over")
    await asyncio.sleep(LAST_ADVERTS_S)
    with contextlib.suppress(RigError):  # what is still missing then shows in the balance
        wait_s = SILENT_WAIT_S if bench.scenario.expect.silent else DRAIN_WAIT_S
        await until(bench.hub.idle, "Handing over", wait_s)
    watching.cancel()


async def _at(fault: Fault, began: float, bench: Bench, evidence: list[Evidence], say: Say) -> None:
    await asyncio.sleep(max(0.0, began + fault.at_s - asyncio.get_running_loop().time()))
    say(f"{fault.verb} for {fault.for_s:g} s" if fault.for_s else fault.verb)
    seen = await fault.play(bench)
    evidence.append(seen)
    say(f"{fault.verb} {'fired' if seen.fired else 'DID NOT FIRE'}: {seen.sentence}")


async def _watch(bench: Bench, looks: list[Look]) -> None:
    while True:
        status = bench.hub.status()
        if status:
            alarms = tuple(alarm["name"] for alarm in status["alarms"])
            look = Look(time.time(), status["uplink"], alarms, status["waiting"], status["heard"])
            if not looks or (looks[-1].uplink, looks[-1].alarms) != (look.uplink, look.alarms):
                looks.append(look)
        elif not looks or looks[-1].uplink != "down":
            looks.append(Look(time.time(), "down", (), 0, 0))
        await asyncio.sleep(LOOK_EVERY_S)


async def _observe(bench: Bench, result: Result) -> Observed:
    """Ask both ends at the end; the hub is stopped first, so that it hands over what it holds."""
    last = bench.hub.status()
    rss_mb = bench.hub.usage().rss_mb if last else 0.0
    await bench.stop_hub()
    site = await bench.site.status()
    stored = await bench.site.readings()
    claimed = await bench.site.coverage()
    incidents = await bench.site.incidents()
    window_s = bench.scenario.hub.commit_window_max_s
    balance = bench.ledger.balance(stored, bench.hub_kills, window_s, bench.mid_write)
    names = {plan.address: plan.name for plan in bench.scenario.sensors}
    result.stored = [row | {"sensor": names.get(row["sensor"], row["sensor"])} for row in stored]
    result.missing = [asdict(lack) | {"sensor": names.get(lack.sensor, lack.sensor)} for lack in balance.lost]
    result.blind = [asdict(span) for span in bench.blind_spans]
    result.figures = {
        "delivered": balance.delivered,
        "stored": balance.stored,
        "lost": len(balance.lost),
        "in_window": len(balance.in_window),
        "duplicated": len(balance.duplicated),
        "urgent_p50_ms": _quantile(balance.urgent_ms, 0.5),
        "hub_rss_mb": round(rss_mb, 1),
    }
    return Observed(
        balance=balance,
        evidence=result.evidence,
        unproven=unproven(bench.restores, stored, incidents),
        alarms={alarm for look in result.looks for alarm in look.alarms},
        standing=[alarm["name"] for alarm in last.get("alarms", [])],
        counts={
            reason: bench.counted(reason)
            for reason in {*last.get("counts", {}), *bench.scenario.expect.counts}
        },
        flags={flag for row in stored for flag in row.get("flags", ())},
        refusals={refusal["code"] for refusal in site["refusals"]},
        forks=site["forks"],
        incidents={incident["code"] for incident in incidents},
        online=last.get("uplink") == "online",
        names=names,
        began=result.began,
        claimed=[(span["from_ms"] / 1000, span["to_ms"] / 1000) for span in claimed],
        blind=[(span.start, span.end) for span in bench.blind_spans],
        leaks=await asyncio.to_thread(_leaks, bench, result),
    )


def _leaks(bench: Bench, result: Result) -> list[str]:
    """Where a secret lies that is not its home: in any file of the run, or in what its report is made of."""
    secrets = secrets_of(bench.directory, bench.site.vouchers)
    told = leaks(secrets, repr(result).encode(errors="replace"), PurePath("the report"))
    return [*leaks_under(bench.directory, secrets), *told]


def _quantile(values: tuple[float, ...], part: float) -> float | None:
    return round(values[min(len(values) - 1, int(len(values) * part))], 1) if values else None
