"""``lum-hil demo``: the story that was asked for, on a screen or as JSON, until it ends or is interrupted."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import click

from hil_tests import demo as chain
from hil_tests import screen
from hil_tests.chaos import SHORTEST_S
from hil_tests.replay import load_trace
from hil_tests.scenario import load_scenario


def show(
    for_s: float | None,
    seed: int | None,
    scenario: Path,
    trace: Path | None,
    speed: float,
    *,
    chaos: bool,
    as_json: bool,
) -> None:
    """Play it, say what came of it, and end the process: 0 if everything is accounted for.

    Raises:
        UsageError: chaos without the time for it.
        RigError: the scenario or the trace cannot be used, or the chain does not start.
    """
    if chaos and (for_s is None or for_s < SHORTEST_S):
        raise click.UsageError(
            f"--chaos needs --for {SHORTEST_S:.0f} or more, so that there is time to recover from everything."
        )
    story: chain.Story
    if trace:
        story, own_seed = chain.TraceStory(load_trace(trace), speed), 1
    else:
        script = load_scenario(scenario)
        story, own_seed = chain.ScenarioStory(script), script.seed
    settings = chain.Settings(own_seed if seed is None else seed, for_s, chaos)
    try:
        result = asyncio.run(_run(story, settings, as_json=as_json))
    except asyncio.CancelledError as error:
        click.echo("Ended at once, as asked twice; what was under way is not accounted for.", err=True)
        raise click.Abort from error
    click.echo(json.dumps(result) if as_json else _in_words(result))
    sys.exit(0 if result["ok"] else 1)


async def _run(story: chain.Story, settings: chain.Settings, *, as_json: bool) -> dict[str, Any]:
    """The first interrupt ends the story, what was heard is still handed over; the second ends everything."""
    stop = asyncio.Event()
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    broken_off = False

    def interrupted() -> None:
        nonlocal broken_off
        if stop.is_set() and running and not broken_off:
            broken_off = True
            running.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    return await chain.run(
        story,
        settings,
        say=lambda line: click.echo(line, err=as_json),
        screen=screen.silent if as_json else screen.live,
        stop=stop,
    )


def _in_words(result: dict[str, Any]) -> str:
    verdict = _verdict(result)
    counted = (
        f"{verdict} {result['delivered']} readings were delivered, {result['stored']} are stored, each once; "
        f"{result['lost']} lost, {result['duplicated']} duplicated, {result['refused']} refused."
    )
    measured = (
        f"Urgent ones took {result['urgent_ms']['p50']} ms (p99 {result['urgent_ms']['p99']} ms) from the air to the "
        f"receiver; {result['bytes_per_reading']} bytes a reading; the hub used {result['hub_rss_mb']} MB."
    )
    lines = [counted, measured]
    lines += [f"Not proven: {sentence}" for sentence in result["invalid"]]
    lines += [f"Refused by the site's {refusal}" for refusal in result["refusals"]]
    lines += [f"Missing: {lack['kind']} of {lack['sensor']}" for lack in result["missing"]]
    return "\n".join(lines)


def _verdict(result: dict[str, Any]) -> str:
    if result["ok"]:
        return "Everything is accounted for."
    return "THE RUN PROVES NOTHING." if result["invalid"] else "SOMETHING IS NOT ACCOUNTED FOR."
