"""``make bench``: the project's figures, each beside a peer or a limit measured in the same run.

A report, not a test: a missed target is printed and fails nothing; a benchmark that crashes does.
"""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from collections.abc import Mapping, Sequence

import click

from tests.bench import table
from tests.bench.assurance import assurance
from tests.bench.audit import audit, decisions
from tests.bench.chips import signing
from tests.bench.codec import codec, codec_import
from tests.bench.decoding import decoding
from tests.bench.harness import Benchmark, Figure
from tests.bench.hearing import hearing
from tests.bench.hub_process import hub_process
from tests.bench.imports import imports
from tests.bench.intake import intake
from tests.bench.latency import latency
from tests.bench.outbox import outbox
from tests.bench.returning import returning
from tests.bench.sizes import sizes
from tests.bench.virtual_day import virtual_day
from tests.bench.watch_start import watch_start

BENCHMARKS: Mapping[str, Benchmark] = {
    "sizes": sizes,
    "codec": codec,
    "codec-import": codec_import,
    "decoding": decoding,
    "outbox": outbox,
    "intake": intake,
    "audit": audit,
    "decisions": decisions,
    "imports": imports,
    "hub": hub_process,
    "hearing": hearing,
    "latency": latency,
    "returning": returning,
    "virtual-day": virtual_day,
    "assurance": assurance,
    "watch-start": watch_start,
    "signing": signing,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(names: Sequence[str], as_json: bool) -> None:
    """Measure the benchmarks NAMES, or all of them."""
    measured, crashed = measure({name: BENCHMARKS[name] for name in names or BENCHMARKS})
    figures = [figure for group in measured.values() for figure in group]
    if as_json:
        print(json.dumps({"figures": [table.facts(figure) for figure in figures], "crashed": crashed}))
    else:
        print("\n".join([*table.lines(figures), "", *_methods(measured), *_details(figures)]))
    sys.exit(1 if crashed else 0)


def measure(benchmarks: Mapping[str, Benchmark]) -> tuple[dict[str, list[Figure]], list[str]]:
    """Run the benchmarks one after another; gives their figures, and the names of those that crashed."""
    measured: dict[str, list[Figure]] = {}
    crashed = []
    for name, benchmark in benchmarks.items():
        click.echo(f"measuring {name} ...", err=True)
        try:
            measured[name] = benchmark()
        except Exception:  # noqa: BLE001 - one that breaks must not cost the others' figures
            click.echo(f"{name} crashed:\n{traceback.format_exc()}", err=True)
            crashed.append(name)
    return measured, crashed


def _methods(names: Mapping[str, object]) -> list[str]:
    """How each was measured, in its own words."""
    return [f"{name}: {' '.join((inspect.getdoc(BENCHMARKS[name]) or '').split())}" for name in names]


def _details(figures: Sequence[Figure]) -> list[str]:
    return [line for figure in figures if figure.detail for line in ("", *figure.detail)]


if __name__ == "__main__":
    main()
