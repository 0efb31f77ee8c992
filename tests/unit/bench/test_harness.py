"""The benchmark harness: what it computes, what it says of a missed target, what a crash costs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.bench import __main__ as bench
from tests.bench import table
from tests.bench.harness import Figure, Samples, at_least, at_most, in_turns, quantile

PEER = Samples("peer: somebody", (40.0, 20.0))


def figure(*values: float, reach: float = 10.0) -> Figure:
    """A figure in ms that ought to be at most ``reach``."""
    return Figure(Samples("ours", values), "ms", at_most(reach), (PEER,))


def row(measured: Figure) -> str:
    """The figure's line in the table."""
    return table.lines([measured])[1]


def test_median_and_spread_are_of_all_values_in_any_order() -> None:
    """The middle one of an odd number, the mean of the middle two of an even one; least and greatest."""
    assert Samples("odd", (9.0, 1.0, 4.0)).median == 4.0
    assert Samples("even", (9.0, 1.0, 4.0, 6.0)).median == 5.0
    assert Samples("odd", (9.0, 1.0, 4.0)).spread == (1.0, 9.0)


def test_a_figure_of_nothing_is_refused() -> None:
    """What was never measured has no median, and says so."""
    with pytest.raises(ValueError, match="ours was not measured"):
        figure()


@pytest.mark.parametrize(("target", "good", "bad"), [(at_most(10.0), 9.9, 10.1), (at_least(10.0), 10.1, 9.9)])
def test_a_target_has_a_direction_and_includes_itself(target: object, good: float, bad: float) -> None:
    """At most and at least differ in what they forgive; exactly there is met."""
    figures = [Figure(Samples("x", (value,)), "", target, (PEER,)) for value in (good, 10.0, bad)]  # type: ignore[arg-type]

    assert [each.is_met for each in figures] == [True, True, False]


def test_the_median_decides_not_the_best_value() -> None:
    """One lucky measurement does not meet a target."""
    assert not figure(1.0, 11.0, 12.0).is_met


def test_a_missed_target_is_printed_as_missed() -> None:
    """The line ends with the verdict, and holds target, median, unit, n, spread, peer and ratio."""
    missed = row(figure(11.0, 12.0, 16.0))

    assert missed.split() == (
        [
            "ours",
            "<=",
            "10.0",
            "12.0",
            "ms",
            "3",
            "11.0",
            "-",
            "16.0",
            "peer:",
            "somebody",
            "30.0",
            "x",
            "0.40",
            "missed",
        ]
    )
    assert row(figure(1.0)).endswith(" met")


def test_the_lines_are_aligned_whatever_they_hold() -> None:
    """The unit of each figure stands in the same column; a second peer stands under the first."""
    wide = Figure(Samples("a longer name", (1_234_567.0,)), "/s", at_least(1.0), (PEER, PEER))
    lines = table.lines([figure(1.0), wide])

    assert lines[1].index(" ms ") == lines[2].index(" /s ")
    assert lines[2].index("peer:") == lines[3].index("peer:")


def test_ours_and_theirs_are_measured_in_turns() -> None:
    """A B A B, the warm-up not counted, so that drift hits both."""
    calls: list[str] = []

    def subject(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    ours, theirs = in_turns(2, lambda: subject("a"), lambda: subject("b"), warm_up=1)

    assert "".join(calls) == "ababab"
    assert (ours, theirs) == ((3.0, 5.0), (4.0, 6.0))


def test_a_quantile_is_one_of_the_values() -> None:
    """By nearest rank, in any order; the greatest for the whole."""
    values = tuple(float(number) for number in range(100, 0, -1))

    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (51.0, 100.0, 100.0)


def test_a_missed_target_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 0 and the JSON says that it was missed."""
    monkeypatch.setattr(bench, "BENCHMARKS", {"sizes": lambda: [figure(99.0)]})

    result = CliRunner().invoke(bench.main, ["--json"])

    (told,) = json.loads(result.stdout)["figures"]
    assert result.exit_code == 0
    assert (told["met"], told["median"], told["n"], told["beside"][0]["ratio"]) == (False, 99.0, 1, 3.3)


def test_a_crash_is_named_and_costs_no_other_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are still measured and printed; the exit status is 1."""

    def crash() -> list[Figure]:
        raise ZeroDivisionError

    monkeypatch.setattr(bench, "BENCHMARKS", {"decoding": crash, "sizes": lambda: [figure(1.0)]})

    result = CliRunner().invoke(bench.main, [])

    assert result.exit_code == 1
    assert "decoding crashed" in result.stderr
    assert "peer: somebody" in result.stdout
