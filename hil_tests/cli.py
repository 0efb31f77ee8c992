"""``lum-hil``: the demo, and the rig. What only one command needs is loaded by it, so that the others start at once."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from hil_tests.assuring.cli import assure
from hil_tests.attack.cli import attack
from hil_tests.compare import TOLERANCE_S
from hil_tests.rig.errors import RigError
from hil_tests.scenario import load_scenario
from hil_tests.tier import Tier

SCENARIOS = Path(__file__).with_name("scenarios")
DEMO_SCENARIO = SCENARIOS / "demo.toml"
TRACE_SPEED_DEFAULT = 10_000.0
RIGS = click.Choice([tier.value for tier in Tier])


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
@click.option(
    "--chaos",
    is_flag=True,
    help="Kill hub, intake and broker, put back old copies of store and hub, at seeded moments.",
)
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
    from hil_tests import demo_cli  # noqa: PLC0415 - the whole chain, and the radio behind it

    demo_cli.show(for_s, seed, scenario, trace, speed, chaos=chaos, as_json=as_json)


def _batch_sizes(_context: click.Context, _option: click.Parameter, listed: str) -> tuple[int | str, ...]:
    """Numbers of readings, or ``day``, with commas between them."""
    sizes = [size.strip() for size in listed.split(",")]
    for size in sizes:
        if size != "day" and not (size.isascii() and size.isdigit() and int(size) > 0):
            raise click.BadParameter(f"{size!r} is no batch size; give numbers of readings, or day.")
    return tuple(size if size == "day" else int(size) for size in dict.fromkeys(sizes))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--batch",
    default="100,1000,day",
    show_default=True,
    callback=_batch_sizes,
    help="Readings in a batch, or day; with commas between.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--time-ms", is_flag=True, help="Millisecond times on everything, not on events alone.")
def cost(
    file: Path,
    batch: tuple[int | str, ...],
    as_json: bool,  # noqa: FBT001
    time_ms: bool,  # noqa: FBT001
) -> None:
    """Tell what a recorded home (FILE, CSV or .xz) would cost on the wire: bytes a reading, bytes a day."""
    from hil_tests import cost as costs  # noqa: PLC0415 - no other command needs the coder and the peers' encodings

    result = costs.cost(file, batch, time_ms=time_ms)
    click.echo(json.dumps(result) if as_json else costs.in_words(result))


@cli.command("list")
def list_scenarios() -> None:
    """List the scenarios: name, promise they try to break, what they show."""
    for file in scenario_files():
        scenario = load_scenario(file)
        known = f" (known to fail: {scenario.expected_failure})" if scenario.expected_failure else ""
        click.echo(f"{file.stem:<34} {scenario.promise or '-':<3} {scenario.title}{known}")


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--seed", type=int, help="Another seed than the scenario's.")
@click.option("--jobs", type=click.IntRange(1, 8), default=1, show_default=True, help="So many at a time.")
@click.option("--rig", type=RIGS, help="On what it is played; by default as the scenario's hub says.")
@click.option(
    "--virtual",
    is_flag=True,
    help="Short for --rig inprocess: virtual time, a day in seconds, exact by seed. Plays no fault of processes.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path("lum-hil-runs"),
    show_default=True,
    help="Where the runs are kept, for `lum-hil report`.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="A JSON object a run, and one for all as the last line."
)
def run(
    names: tuple[str, ...],
    seed: int | None,
    jobs: int,
    rig: str | None,
    virtual: bool,  # noqa: FBT001
    into: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Play scenarios against the real chain and judge them; exit code 1 if one fails.

    A SCENARIO is a name of `lum-hil list`, a file, or `all`.
    """
    from hil_tests import proving  # noqa: PLC0415 - the demo needs none of it

    scenarios = [(file, load_scenario(file)) for name in names for file in _files(name)]
    if seed is not None:
        scenarios = [(file, msgspec.structs.replace(one, seed=seed)) for file, one in scenarios]
    tier = Tier(rig) if rig else None
    if virtual or tier is Tier.INPROCESS:
        results = proving.run_virtual_all(scenarios, into, as_json=as_json)
    else:
        results = proving.run_all(scenarios, jobs, into, as_json=as_json, tier=tier)
    sys.exit(0 if all(proving.good(result) for result in results) else 1)


@cli.command()
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--rig",
    "rigs",
    type=RIGS,
    multiple=True,
    default=("virtual", "bluez"),
    show_default=True,
    help="Twice or more.",
)
@click.option("--seed", type=int, help="Another seed than the scenario's.")
@click.option(
    "--tolerance",
    "tolerance_s",
    type=click.FloatRange(0),
    default=TOLERANCE_S,
    show_default=True,
    help="Seconds by which the time of a reading may differ.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path("lum-hil-runs"),
    show_default=True,
    help="Where the runs are kept, for `lum-hil report`.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a run, then one a comparison.")
def compare(
    name: str,
    rigs: tuple[str, ...],
    seed: int | None,
    tolerance_s: float,
    into: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Play one SCENARIO on several rigs, and say where the readings stored differ from those of the first.

    Exit code 1 if they do, or if a run fails.
    """
    from hil_tests import proving  # noqa: PLC0415 - as above

    tiers = [Tier(rig) for rig in dict.fromkeys(rigs)]
    files = _files(name)
    if len(tiers) < 2 or len(files) != 1:
        raise click.UsageError("Compare one scenario on two rigs or more: --rig virtual --rig bluez.")
    scenario = load_scenario(files[0])
    if seed is not None:
        scenario = msgspec.structs.replace(scenario, seed=seed)
    same = proving.compare_on(tiers, files[0], scenario, into, tolerance_s, as_json=as_json)
    sys.exit(0 if same else 1)


@cli.command("fuzz")
@click.option("--schedules", type=click.IntRange(1), default=100, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws them.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path("found.toml"),
    show_default=True,
    help="Where a schedule that fails is kept, as a scenario.",
)
@click.option(
    "--real",
    is_flag=True,
    help="Over processes instead, also with faults that only they can have; more than a minute a schedule.",
)
def fuzz_schedules(
    schedules: int,
    seed: int,
    into: Path,
    real: bool,  # noqa: FBT001
) -> None:
    """Play random fault schedules, in virtual time; what fails is cut down to the faults that matter."""
    from hil_tests import fuzz  # noqa: PLC0415 - Hypothesis, and the hub's code

    with click.progressbar(length=schedules, label="schedules", file=sys.stderr) as bar:
        campaign = fuzz.fuzz(
            schedules, seed, lambda _played: bar.update(1), tier=fuzz.REAL if real else fuzz.VIRTUAL
        )
    click.echo(
        f"{campaign.played} schedules played; faults fired: {campaign.fired}. "
        f"{campaign.invalid} more proved nothing: a fault of theirs could not fire."
    )
    if campaign.found is None and campaign.played < schedules:
        raise RigError(
            "Nearly all that was drawn proved nothing.", hint="Run it on a machine that is less busy."
        )
    if campaign.found is None:
        return
    into.write_text(fuzz.as_toml(campaign.found.scenario))
    for sentence in campaign.found.sentences:
        click.echo(f"  {sentence}")
    click.echo(f"  again: lum-hil run {into}{'' if real else ' --virtual'}")
    sys.exit(1)


@cli.command()
@click.option(
    "--seed", type=click.IntRange(0), required=True, help="Of the first; even to tune, odd to test."
)
@click.option("--homes", type=click.IntRange(1), default=1, show_default=True, help="How many.")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="Of each.")
@click.option(
    "--from",
    "first_day",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-01-05",
    show_default=True,
    help="The first day (UTC).",
)
@click.option("--no-faults", is_flag=True, help="Homes in which nothing fails.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the files go."
)
def homes(
    seed: int,
    homes: int,
    days: int,
    first_day: datetime,
    no_faults: bool,  # noqa: FBT001
    into: Path,
) -> None:
    """Make up homes in which older people live alone: traces and truth.

    The homes have the seeds SEED, SEED + 2, SEED + 4 and so on: all for tuning, or all for testing.
    """
    from hil_tests import living  # noqa: PLC0415 - no other command generates
    from hil_tests.living.files import make_folder, write_home  # noqa: PLC0415

    make_folder(into)
    start_ms = int(first_day.replace(tzinfo=UTC).timestamp()) * 1000
    rows = 0
    with click.progressbar(range(seed, seed + 2 * homes, 2), label="homes", file=sys.stderr) as seeds:
        for one in seeds:
            home = living.generate(one, days, start_ms=start_ms, faults=not no_faults)
            write_home(home, into, f"home-{one}")
            rows += len(home.rows)
    click.echo(f"{homes * days} home-days with {rows} rows are in {into}.")


@cli.command()
@click.argument("runs", type=click.Path(path_type=Path), default=Path("lum-hil-runs"))
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write the timeline here (default: RUNS/report.html)."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
def report(runs: Path, html: Path | None, junit: Path | None) -> None:
    """Draw what the kept RUNS prove: a timeline, and JUnit if asked for."""
    from hil_tests import report as reports  # noqa: PLC0415 - no other command draws

    kept = reports.load(runs)
    if not kept:
        raise RigError(f"There are no runs in {runs}.", hint="Run some: lum-hil run all")
    target = html or runs / "report.html"
    target.write_text(reports.page(kept))
    click.echo(f"{len(kept)} runs: {target}")
    if junit:
        junit.write_text(reports.junit(kept))
        click.echo(f"JUnit: {junit}")


cli.add_command(assure)
cli.add_command(attack)


def scenario_files() -> list[Path]:
    """The scenarios that prove something; the demo is only a home."""
    return sorted(SCENARIOS.glob("p[1-6]_*.toml"))


def _files(name: str) -> list[Path]:
    """The files that a name on the command line stands for."""
    if name == "all":
        return scenario_files()
    for file in (SCENARIOS / f"{name}.toml", Path(name)):
        if file.is_file():
            return [file]
    raise click.UsageError(f"There is no scenario {name!r}; `lum-hil list` shows all.")


if __name__ == "__main__":
    main()
