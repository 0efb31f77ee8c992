"""``lum-hil assure``: the assurance model over a recording or generated homes, held against what really was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from cloud_sync.assurance.plan import Parameters, ParametersError, parameters
from hil_tests import living
from hil_tests.assuring import homes, outages, plot, recording, score
from hil_tests.assuring.outages import Fault, Outage
from hil_tests.assuring.play import Told, play
from hil_tests.assuring.recording import Recording
from hil_tests.assuring.score import Score
from hil_tests.assuring.truth import Truth, read_truth

START_MS: Final = 1_767_225_600_000  # 2026-01-01 00:00 UTC


@click.command()
@click.argument("trace", required=False, type=click.Path(path_type=Path))
@click.option("--params", type=click.Path(path_type=Path), help="Parameters of the home (TOML).")
@click.option("--truth", type=click.Path(path_type=Path), help="What really was: CSV start,end,label.")
@click.option("--faults", type=int, metavar="SEED", help="Lay outages of ours over it.")
@click.option("--homes", "count", type=click.IntRange(1, 10_000), help="Made-up homes instead of a TRACE.")
@click.option(
    "--days", type=click.IntRange(1, 400), default=35, show_default=True, help="For each made-up home."
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Of the first made-up home; odd ones are for testing.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="So many homes at a time."
)
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw the days into this SVG file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def assure(
    trace: Path | None,
    params: Path | None,
    truth: Path | None,
    faults: int | None,
    count: int | None,
    days: int,
    seed: int,
    jobs: int,
    picture: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Ask the questions of a home over a recording (TRACE, CSV or .xz), minute by minute, in virtual time.

    Says what the model would have told whom and when, and with --truth how right that was. Made-up homes (--homes)
    bring their own truth, with emergencies, visitors, absences and outages; --faults draws more outages.
    """
    if (trace is None) == (count is None):
        raise click.UsageError("Give either a TRACE or --homes.")
    if count is not None and truth is not None:
        raise click.UsageError("Made-up homes bring their own truth: leave out --truth.")
    if count not in {None, 1} and picture is not None:
        raise click.UsageError("A picture is of one home: give a TRACE, or --homes 1.")
    chosen = _parameters(params)
    counted = Score()
    if trace is not None:
        home = recording.load(trace, chosen)
        known = read_truth(truth, home.from_ms, home.to_ms) if truth else None
        counted.left_out += home.left_out
        played = _play(home, chosen, known, known_outages(known), faults)
        _count(counted, played)
    else:
        seeds = range(seed, seed + 2 * (count or 0), 2)
        for played in _many([_MadeUp(one, days, chosen, faults) for one in seeds], jobs):
            _count(counted, played)
    if picture:
        _write(picture, plot.svg(played.told, played.parameters, played.span))
    found = score.result(counted)
    click.echo(json.dumps(found) if as_json else in_words(found))


def in_words(found: dict[str, Any]) -> str:
    """The figures for people."""
    signs, incidents = len(found["proofs_of_life"]), len(found["incidents"])
    lines = [f"Left out: {sentence}" for sentence in found["left_out"]]
    lines += [f"{found['home_days']:g} home-days; {signs} sure signs of somebody; {incidents} incidents."]
    counts: dict[str, list[int]] = {}
    for one in found["incidents"]:
        of = counts.setdefault(one["question"], [0, 0])
        of[0] += 1
        of[1] += one["false"] is True
    lines += [
        f"  {name}: {number}"
        + (f", {false} of them false" if found["false_alarms_by_question"] is not None else "")
        for name, (number, false) in sorted(counts.items())
    ]
    if rate := found["false_alarms_per_home_month"]:
        lines.append(
            f"False alarms of 'moving' a home-month: {rate['value']:g} (95 %: {rate['low']:g} to {rate['high']:g}; n = {rate['n']})."
        )
    if (delay := found["time_to_detect_h"]) and delay["mean"] is not None:
        lines.append(
            f"Emergencies noticed: {delay['n']} of {delay['emergencies']},"
            f" after {delay['mean']:g} h on average, 95 % within {delay['p95']:g} h."
        )
    lines += [_night_words(question, of) for question, of in found["nights"].items()]
    blind = found["blind_minutes"]
    lines.append(
        f"Blind minutes: {blind['true']:,}; reported {blind['reported']:,} of them, and {blind['wrongly_reported']:,} that"
        f" were not; {blind['too_short']:,} were over before anybody could know."
    )
    return "\n".join(lines)


def _night_words(question: str, found: dict[str, Any]) -> str:
    rate = found["false_per_home_month"]
    words = f"{question!r}: {found['noticed']} of {found['of']} noticed"
    if found["mean_min"] is not None:
        words += f", after {found['mean_min']:g} min on average"
    return (
        f"{words}; false a home-month: {rate['value']:g}"
        f" (95 %: {rate['low']:g} to {rate['high']:g}; n = {found['false']})."
    )


@dataclass(frozen=True, slots=True)
class _Played:
    """One home, what was told of it, and what is true."""

    told: Told
    parameters: Parameters
    truth: Truth | None
    outages: tuple[Outage, ...]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _MadeUp:
    """A home to be made up and played, perhaps in another process."""

    seed: int
    days: int
    parameters: Parameters
    faults: int | None

    def play(self) -> _Played:
        """Live in it, and look."""
        home = living.generate(self.seed, self.days, start_ms=START_MS)
        theirs = msgspec.structs.replace(self.parameters, zone="UTC")  # made-up homes live by it
        return _play(homes.recording(home), theirs, homes.truth(home), homes.outages(home), self.faults)


def known_outages(truth: Truth | None) -> tuple[Outage, ...]:
    """What a truth calls blind: nothing was heard in it, whatever the recording says."""
    return tuple(Outage(Fault.HUB, *span) for span in (truth.spans.get("blind", ()) if truth else ()))


def _play(
    home: Recording, parameters: Parameters, truth: Truth | None, laid: tuple[Outage, ...], faults: int | None
) -> _Played:
    if faults is not None:
        laid += outages.draw(faults, home.from_ms, home.to_ms, list(home.sensors))
    return _Played(play(home, parameters, laid), parameters, truth, laid, (home.from_ms, home.to_ms))


def _many(made_up: list[_MadeUp], jobs: int) -> Iterator[_Played]:
    """In order, however many run at a time."""
    if jobs == 1:
        yield from (one.play() for one in made_up)
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from workers.map(_MadeUp.play, made_up)


def _count(counted: Score, played: _Played) -> None:
    score.add(counted, played.told, played.truth, played.outages, played.span, played.parameters)


def _parameters(file: Path | None) -> Parameters:
    if file is None:
        return Parameters()
    try:
        return parameters(file.read_text(encoding="utf-8"), where=str(file))
    except ParametersError as error:
        raise click.ClickException(f"{error} {error.hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}.") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
