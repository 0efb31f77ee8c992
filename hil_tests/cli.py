"""``lum-hil``: the demo, and the rig."""

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
from hil_tests.rig.errors import RigError
from hil_tests.scenario import load_scenario
from hil_tests.trace import load_trace

DEMO_SCENARIO = Path(__file__).with_name("scenarios") / "demo.toml"
CHAOS_SHORTEST_S = 60
TRACE_SPEED_DEFAULT = 10_000.0


def main() -> None:
    """Entry point: every foreseen error is one sentence with its exit code."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(64 if isinstance(error, click.UsageError) else error.exit_code)
    except click.Abort:
        sys.exit(130)
    except RigError as error:
        click.echo(f"{error} {error.hint}".strip(), err=True)
        sys.exit(error.exit_code)


@click.group()
def cli() -> None:
    """Lum's rig: simulated sensors on a virtual radio, real processes behind them."""


@cli.command()
@click.option("--for", "for_s", type=click.FloatRange(5, 86_400), help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="No screen; one JSON object as the last line.")
@click.option("--chaos", is_flag=True, help="Kill hub, intake and broker, each twice, at seeded moments.")
@click.option("--seed", type=int, help="Another seed than the scenario's.")
@click.option("--scenario", type=click.Path(path_type=Path), default=DEMO_SCENARIO, help="Another home.")
@click.option("--trace", type=click.Path(path_type=Path), help="Replay a recorded home (CSV, also .xz).")
@click.option(
    "--speed", type=click.FloatRange(1), default=TRACE_SPEED_DEFAULT, show_default=True, help="Of the replay."
)
def demo(
    for_s: float | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
    chaos: bool,  # noqa: FBT001
    seed: int | None,
    scenario: Path,
    trace: Path | None,
    speed: float,
) -> None:
    """Run one simulated home through the whole chain, with a page to look at. Ctrl-C ends all of it."""
    if chaos and (for_s is None or for_s < CHAOS_SHORTEST_S):
        raise click.UsageError(
            f"--chaos needs --for {CHAOS_SHORTEST_S} or more, so that every kill can be survived."
        )
    story: chain.Story
    if trace:
        story, own_seed = chain.TraceStory(load_trace(trace), speed), 1
    else:
        script = load_scenario(scenario)
        story, own_seed = chain.ScenarioStory(script), script.seed
    settings = chain.Settings(own_seed if seed is None else seed, for_s, chaos)
    result = asyncio.run(_run(story, settings, as_json=as_json))
    click.echo(json.dumps(result) if as_json else _in_words(result))
    sys.exit(0 if result["ok"] else 1)


async def _run(story: chain.Story, settings: chain.Settings, *, as_json: bool) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await chain.run(
        story,
        settings,
        say=lambda line: click.echo(line, err=as_json),
        screen=screen.silent if as_json else screen.live,
        stop=stop,
    )


def _in_words(result: dict[str, Any]) -> str:
    verdict = "Everything is accounted for." if result["ok"] else "SOMETHING IS NOT ACCOUNTED FOR."
    counted = (
        f"{verdict} {result['delivered']} readings were delivered, {result['stored']} are stored, each once; "
        f"{result['lost']} lost, {result['duplicated']} duplicated, {result['refused']} refused."
    )
    measured = (
        f"Urgent ones took {result['urgent_ms']['p50']} ms (p99 {result['urgent_ms']['p99']} ms) from the air to the "
        f"receiver; {result['bytes_per_reading']} bytes a reading; the hub used {result['hub_rss_mb']} MB."
    )
    lines = [counted, measured]
    lines += [f"Missing: {lack['kind']} of {lack['sensor']}" for lack in result["missing"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
