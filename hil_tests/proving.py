"""Many scenarios, some at a time: what is said while they run, and what is kept of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hil_tests import report
from hil_tests.compare import compare, streams
from hil_tests.compare import in_words as in_words_of
from hil_tests.means import on_tier
from hil_tests.progress import Progress
from hil_tests.runner import Result, run
from hil_tests.scenario import Scenario
from hil_tests.tier import Tier
from hil_tests.verdict import Verdict

SENTENCES_SHOWN_MAX = 8
MARKS = {
    Verdict.PASSED: "passed ",
    Verdict.FAILED: "FAILED ",
    Verdict.INVALID: "INVALID",
    Verdict.EXPECTED: "known  ",
}


def good(result: Result) -> bool:
    """Whether nothing is wrong: it passed, or failed as it is known to."""
    return result.verdict in {Verdict.PASSED, Verdict.EXPECTED}


def run_virtual_all(scenarios: Sequence[tuple[Path, Scenario]], into: Path, *, as_json: bool) -> list[Result]:
    """Run those that need no processes in virtual time; each is told as it ends and kept in ``into``."""
    from hil_tests.inprocess import playable  # noqa: PLC0415 - the hub's code, which the rig else never loads

    able = [(file, scenario) for file, scenario in scenarios if playable(scenario)]
    for _file, scenario in scenarios:
        if not playable(scenario):
            click.echo(f"needs processes, left out: {scenario.title}", err=True)
    progress = Progress(len(able))
    results = [
        _told(run_on(Tier.INPROCESS, file, scenario, into, progress), into, progress, as_json=as_json)
        for file, scenario in able
    ]
    _end(results, progress, as_json=as_json)
    return results


def run_on(
    tier: Tier, file: Path, scenario: Scenario, into: Path, progress: Progress | None = None
) -> Result:
    """Run one scenario on this tier, whatever it says itself.

    Raises:
        RigError: it has something in it that the tier cannot do.
    """
    scenario = on_tier(scenario, tier)
    say = progress.begin(_named(file, tier)) if progress else lambda _step: None
    if tier is not Tier.INPROCESS:
        return asyncio.run(_followed(run(scenario, str(file), say=say, tier=tier, into=into), progress))
    from hil_tests.inprocess import run_virtual  # noqa: PLC0415 - as above

    say("in virtual time")
    return run_virtual(scenario, scenario.seed, file=str(file))


def compare_on(
    tiers: Sequence[Tier], file: Path, scenario: Scenario, into: Path, tolerance_s: float, *, as_json: bool
) -> bool:
    """Play one scenario on each tier and hold what is stored against that of the first; tells whether all is the same.

    Raises:
        RigError: a tier cannot play it.
    """
    for tier in tiers:
        on_tier(scenario, tier)
    progress = Progress(len(tiers))
    results = [
        _told(run_on(tier, file, scenario, into, progress), into, progress, as_json=as_json) for tier in tiers
    ]
    told = [(tier.value, streams(result)) for tier, result in zip(tiers, results, strict=True)]
    comparisons = [compare(told[0], one, tolerance_s) for one in told[1:]]
    for comparison in comparisons:
        click.echo(json.dumps(asdict(comparison)) if as_json else in_words_of(comparison))
    return all(map(good, results)) and not any(one.differences for one in comparisons)


def run_all(
    scenarios: Sequence[tuple[Path, Scenario]],
    jobs: int,
    into: Path,
    *,
    as_json: bool,
    tier: Tier | None = None,
) -> list[Result]:
    """Run them, stories of virtual time first, the others ``jobs`` at a time; each is told as it ends and kept in ``into``.

    Raises:
        RigError: one of them cannot be played on that tier.
    """
    if tier is not None:
        scenarios = [(file, on_tier(scenario, tier)) for file, scenario in scenarios]
    progress = Progress(len(scenarios))
    results = [
        _told(run_on(Tier.INPROCESS, file, scenario, into, progress), into, progress, as_json=as_json)
        for file, scenario in scenarios
        if scenario.time == "virtual"
    ]
    others = [(file, scenario) for file, scenario in scenarios if scenario.time == "real"]
    results += asyncio.run(_run_at_once(others, jobs, into, progress, as_json=as_json, tier=tier))
    _end(results, progress, as_json=as_json)
    return results


async def _run_at_once(
    scenarios: Sequence[tuple[Path, Scenario]],
    jobs: int,
    into: Path,
    progress: Progress,
    *,
    as_json: bool,
    tier: Tier | None,
) -> list[Result]:
    turns = asyncio.Semaphore(jobs)

    async def one(file: Path, scenario: Scenario) -> Result:
        async with turns:
            say = progress.begin(_named(file, tier))
            result = await run(scenario, str(file), say=say, tier=tier, into=into)
        return _told(result, into, progress, as_json=as_json)

    async with progress.followed():
        return list(await asyncio.gather(*(one(file, scenario) for file, scenario in scenarios)))


async def _followed(running: Coroutine[Any, Any, Result], progress: Progress | None) -> Result:
    async with progress.followed() if progress else contextlib.nullcontext():
        return await running


def _named(file: Path, tier: Tier | None) -> str:
    return f"{file.stem} on {tier.value}" if tier else file.stem


def _told(result: Result, into: Path, progress: Progress, *, as_json: bool) -> Result:
    report.save(result, into)
    progress.end(_named(Path(result.file), result.tier), good=good(result))
    click.echo(json.dumps(report.facts(result)) if as_json else in_words(result))
    return result


def _end(results: Sequence[Result], progress: Progress, *, as_json: bool) -> None:
    total = report.summary(results, progress.seconds)
    click.echo(json.dumps(total) if as_json else _total(total))


def in_words(result: Result) -> str:
    """One run as a few lines: the verdict, each difference in a sentence, and how to run it again."""
    lines = [f"{MARKS[result.verdict]} {result.seconds:5.1f} s  {result.scenario.title}"]
    lines += [f"         {sentence}" for sentence in result.sentences[:SENTENCES_SHOWN_MAX]]
    if (more := len(result.sentences) - SENTENCES_SHOWN_MAX) > 0:
        lines.append(f"         and {more} more: `lum-hil report` shows all")
    if not good(result):
        lines.append(f"         again: {result.replay}")
    return "\n".join(lines)


def _total(total: dict[str, object]) -> str:
    return (
        f"{total['run']} run: {total['passed']} passed, {total['failed']} failed, {total['invalid']} invalid, "
        f"{total['expected_failures']} known to fail; faults fired: {total['faults_fired']}."
    )
