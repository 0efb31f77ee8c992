"""Many scenarios, some at a time: what is said while they run, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import click

from hil_tests import report
from hil_tests.runner import Result, run
from hil_tests.scenario import Scenario
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
    from hil_tests.inprocess import (  # noqa: PLC0415 - the hub's code, which the rig else never loads
        playable,
        run_virtual,
    )

    results: list[Result] = []
    for file, scenario in scenarios:
        if not playable(scenario):
            click.echo(f"needs processes, left out: {scenario.title}", err=True)
            continue
        result = run_virtual(scenario, scenario.seed, file=str(file))
        _told(result, into, as_json=as_json)
        results.append(result)
    _end(results, as_json=as_json)
    return results


async def run_all(
    scenarios: Sequence[tuple[Path, Scenario]], jobs: int, into: Path, *, as_json: bool
) -> list[Result]:
    """Run them, ``jobs`` at a time; each is told as it ends and kept in ``into``."""
    turns = asyncio.Semaphore(jobs)

    async def one(file: Path, scenario: Scenario) -> Result:
        async with turns:
            click.echo(f"running  {scenario.title}", err=True)
            result = await run(scenario, str(file))
        _told(result, into, as_json=as_json)
        return result

    results = await asyncio.gather(*(one(file, scenario) for file, scenario in scenarios))
    _end(results, as_json=as_json)
    return list(results)


def _told(result: Result, into: Path, *, as_json: bool) -> None:
    report.save(result, into)
    click.echo(json.dumps(report.facts(result)) if as_json else in_words(result))


def _end(results: Sequence[Result], *, as_json: bool) -> None:
    total = report.summary(results)
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
