"""``lum-hil assure``: the assurance model over a recording or generated homes, held against what really was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cloud_sync.assurance.plan import Parameters, ParametersError, parameters
from hil_tests.assuring import outages, plot, recording, score
from hil_tests.assuring.outages import Fault, Outage
from hil_tests.assuring.play import Told, play
from hil_tests.assuring.recording import Recording
from hil_tests.assuring.score import Score, Truth


@click.command()
@click.argument("trace", required=False, type=click.Path(path_type=Path))
@click.option("--params", type=click.Path(path_type=Path), help="Parameters of the home (TOML).")
@click.option("--truth", type=click.Path(path_type=Path), help="What really was: CSV start,end,label.")
@click.option("--faults", type=int, metavar="SEED", help="Lay outages of ours over it.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw the days into this SVG file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def assure(
    trace: Path | None,
    params: Path | None,
    truth: Path | None,
    faults: int | None,
    picture: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Ask the questions of a home over a recording (TRACE, CSV or .xz), minute by minute, in virtual time.

    Says what the model would have told whom and when, and with --truth how right that was.
    """
    if trace is None:
        raise click.UsageError("Give a TRACE.")
    chosen = _parameters(params)
    home = recording.load(trace, chosen)
    known = score.read_truth(truth) if truth else None
    told, laid = _play(home, chosen, known, faults)
    counted = Score()
    score.add(counted, told, known, laid, (home.from_ms, home.to_ms), chosen)
    found = score.result(counted)
    if picture:
        _write(picture, plot.svg(told, chosen, (home.from_ms, home.to_ms)))
    click.echo(json.dumps(found) if as_json else in_words(found))


def in_words(found: dict[str, Any]) -> str:
    """The figures for people."""
    signs, incidents = len(found["proofs_of_life"]), len(found["incidents"])
    lines = [f"{found['home_days']:g} home-days; {signs} sure signs of somebody; {incidents} incidents."]
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
    blind = found["blind_minutes"]
    lines.append(
        f"Blind minutes: {blind['true']:,}; reported {blind['reported']:,} of them, and {blind['wrongly_reported']:,} that were not."
    )
    return "\n".join(lines)


def _play(
    home: Recording, parameters: Parameters, truth: Truth | None, faults: int | None
) -> tuple[Told, tuple[Outage, ...]]:
    """Play a home under outages: those that the truth calls blind, and drawn ones."""
    laid = tuple(Outage(Fault.HUB, *span) for span in (truth.spans.get("blind", ()) if truth else ()))
    if faults is not None:
        laid += outages.draw(faults, home.from_ms, home.to_ms, list(home.sensors))
    return play(home, parameters, laid), laid


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
